"""What an image costs: `python -m benchmarks.deploy`, as root on Debian; about five minutes.

The native engine beside `buildah build` and push of the same project, by turns, each into an empty
repository and then again after a change of the code: seconds, and the bytes that went to the
registry, counted on the wire. Then the size of the images, beside that of the original's recipe:
one stage, whose build tools are purged in the end.

Both have what a developer's machine has: native an empty cache, and in another registry a base
image with Debian's Python in it; buildah Debian's image and, for the change of code, the layers of
its own cache. In the first build it installs that Python from Debian's mirror, as the Dockerfile
says: the greater part of its time. Native compiles the modules if there is a Python 3.13 here.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from amazon_lambda_runtime.deploy.images import Client, Engine, ImageSpec, Pushed, Repository
from amazon_lambda_runtime.deploy.images.engines import Buildah
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native
from scripts import setup_containers
from tests.deploy.slow import machine
from tests.lanes import find_python

from . import results, table
from .measure import Group, Row
from .options import Parser

PROGRAM = "python -m benchmarks.deploy"
# The columns; buildah builds in two stages, and the original's recipe in one.
NATIVE, BUILDAH, ORIGINAL = "native", "buildah", "original's recipe"
ROUNDS = 3
MB, KB = 1e6, 1e3
HANDLER = "import orjson\n\n\ndef handler(event, context):\n    return {'round': %d}\n"

# The recipe of the original's documentation, word for word but for the language.
ONE_STAGE = """
ARG BASE
FROM ${BASE}
ARG RUNTIME
COPY *.whl requirements.txt /tmp/
RUN cd /tmp && apt-get update && \\
    apt-get install -y --no-install-recommends python3 ca-certificates \\
    gcc make libc6-dev python3-dev python3-pip curl && \\
    pip install --no-cache-dir --break-system-packages -r requirements.txt ${RUNTIME} && \\
    apt-get purge -y gcc make libc6-dev python3-dev python3-pip curl && \\
    apt-get autoremove -y && apt-get clean && \\
    rm -rf /var/lib/apt/lists/* /root/.cache
WORKDIR /var/task
COPY hello.py /var/task/
ENTRYPOINT ["/usr/local/bin/bootstrap"]
"""


@dataclass
class Wire:
    """Something in between that counts what goes to the registry."""

    host: str
    sent: int = 0

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Give the address to talk to."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=[listener], daemon=True).start()
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            listener.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        host, _, port = self.host.partition(":")
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(port)))
                for ends in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 18):
                self.sent += len(piece) if counted else 0
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Cost:
    """What one build and push took."""

    seconds: float
    uploaded: int
    pushed: Pushed


def measured(engine: Engine, spec: ImageSpec, target: Repository, wire: Wire) -> Cost:
    before, start = wire.sent, time.perf_counter()
    pushed = engine.push(engine.build(spec), target)
    return Cost(time.perf_counter() - start, wire.sent - before, pushed)


def rounds(spec: ImageSpec) -> dict[tuple[str, str], list[Cost]]:
    """Measure both, by turns, each first and then again after a change.

    Each has a registry of its own in each round: buildah remembers where a registry has a layer.
    """
    found: dict[tuple[str, str], list[Cost]] = {}
    slim = [*machine.CHROOT, f"--build-arg=BASE={machine.SLIM}"]
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            native = Native(cache=Cache(Path(directory)))
            pairs: dict[str, tuple[Engine, Engine]] = {
                NATIVE: (native, native),
                BUILDAH: (
                    Buildah(build_options=slim, refresh=True),
                    Buildah(build_options=slim),
                ),
            }
            for name, engines in list(pairs.items())[:: 1 if number % 2 else -1]:
                first, changed = turn(spec, name, engines, number)
                found.setdefault((name, "first"), []).append(first)
                found.setdefault((name, "code only"), []).append(changed)
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
    return found


def turn(
    spec: ImageSpec, name: str, engines: tuple[Engine, Engine], number: int
) -> tuple[Cost, Cost]:
    """Push to an empty registry, and once more after a change of the code."""
    code = spec.folder / "hello.py"
    with machine.registry() as behind:
        wire = Wire(behind)
        with wire.listening() as host:
            target = Repository(host, "bench/app", plain_http=True)
            code.write_text(HANDLER % (10 * number))
            first = measured(engines[0], spec, target, wire)
            if name == BUILDAH:
                # What was built without a cache is no cache for the next.
                measured(engines[1], spec, target, wire)
            code.write_text(HANDLER % (10 * number + 1))
            return first, measured(engines[1], spec, target, wire)


def size_of_original(spec: ImageSpec, host: str) -> int:
    """Build and push the one-stage recipe, and return the compressed size of its layers."""
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory, "Dockerfile")
        dockerfile.write_text(ONE_STAGE)
        one = ImageSpec(spec.folder, spec.handler, dockerfile=dockerfile, runtime=spec.runtime)
        slim = [*machine.CHROOT, f"--build-arg=BASE={machine.SLIM}"]
        engine = Buildah(build_options=slim)
        target = Repository(host, "bench/original", plain_http=True)
        return engine.push(engine.build(one), target).size_bytes


def group(found: dict[tuple[str, str], list[Cost]], sizes: dict[str, int], base: int) -> Group:
    """Return the figures: seconds, bytes on the wire, and the compressed size of the images."""

    def row(kind: str, figure: Callable[[Cost], float]) -> Row:
        return {
            name: statistics.median(figure(cost) for cost in found[name, kind])
            for name in (NATIVE, BUILDAH)
        }

    rows = {
        "first, s": row("first", lambda cost: cost.seconds),
        "first, MB uploaded": row("first", lambda cost: cost.uploaded / MB),
        "code only, s": row("code only", lambda cost: cost.seconds),
        "code only, KB uploaded": row("code only", lambda cost: cost.uploaded / KB),
        "size, MB compressed": {name: size / MB for name, size in sizes.items()},
        "of which its base, MB": {NATIVE: base / MB},
    }
    title = f"images: build and push, median of {ROUNDS}"
    return Group(title, "", BUILDAH, rows, (NATIVE,), BUILDAH, (ORIGINAL,))


def buildah_version() -> str:
    done = subprocess.run(["buildah", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[2]


def main() -> int:
    options = Parser(PROGRAM, __doc__).parse_args()
    if reason := setup_containers.install():
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return 0
    if python := find_python("3.13"):
        os.environ["PATH"] = f"{Path(python).parent}:{os.environ['PATH']}"
    with ExitStack() as stack:
        try:
            machine.debian()
            bases = stack.enter_context(machine.registry())
            base = Repository(bases, "library/debian", plain_http=True)
            machine.push(machine.WITH_PYTHON, base, "python")
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            wheel = machine.wheel(directory / "wheel")
        except machine.Cannot as error:
            print(f"SKIPPED: {error}", file=sys.stderr)
            return 0
        project = directory / "project"
        project.mkdir()
        project.joinpath("requirements.txt").write_text("orjson==3.10.15\n")
        spec = ImageSpec(project, "hello.handler", base=f"{base}:python", runtime=str(wheel))
        found = rounds(spec)
        sizes = {name: found[name, "first"][0].pushed.size_bytes for name in (NATIVE, BUILDAH)}
        sizes[ORIGINAL] = size_of_original(spec, bases)
        client = Client()
        layers = client.manifest(base, "python").document["layers"]
        client.close()
    figures = group(found, sizes, sum(layer["size"] for layer in layers))
    print(table.render(figures))
    if options.json:
        head = results.head(PROGRAM, buildah=buildah_version())
        results.write(options.json, results.Run(head, {"images": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
