"""The wheel, in virtual environments elsewhere: what `pip install` puts on a bare Python."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .harness import ACCEPTED, SERVING, environment, event, run

ROOT = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
UV = [shutil.which("uv", path=f"{sys.prefix}/bin:{os.environ['PATH']}") or "", "pip", "--quiet"]
PATIENCE = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, or the one that `make release-check` has built."""
    if "WHEEL" in os.environ:
        return Path(os.environ["WHEEL"])
    wheels = tmp_path_factory.mktemp("wheels")
    built = subprocess.run(
        [*PIP, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"the wheel can't be built here: {built.stderr.strip().splitlines()[-1]}")
    (file,) = wheels.glob("*.whl")
    return file


def installed(folder: Path, *requirements: str, by: Sequence[str] = PIP) -> Path:
    """Return the folder of the programs of a new virtual environment with these packages in it."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    # Without --no-deps: a dependency that crept in would be installed, and found below.
    command = (
        ["install", "--python", str(python)] if by is UV else ["--python", str(python), "install"]
    )
    done = subprocess.run(
        [*by, *command, *requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"{requirements} can't be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin"


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it, and nothing else."""
    return installed(tmp_path_factory.mktemp("bare"), str(wheel))


@pytest.fixture(scope="module")
def local(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the extra `local`, and with pytest; uv is quicker at it than pip."""
    folder = tmp_path_factory.mktemp("local")
    return installed(folder, f"{wheel}[local]", "pytest", by=UV if UV[0] else PIP)


def output(
    *command: "str | Path", cwd: Path, status: int = 0
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


class TestBare:
    def test_no_dependency(self, bare: Path, tmp_path: Path) -> None:
        """The runtime is all that is installed."""
        code = (
            "from importlib.metadata import distributions; print([d.name for d in distributions()])"
        )
        done = output(bare / "python", "-I", "-c", code, cwd=tmp_path)
        assert done.stdout == "['amazon-lambda-runtime']\n"

    def test_bootstrap_is_a_script(self, bare: Path) -> None:
        """`bootstrap` is our own few lines, and serves the example."""
        script = bare / "bootstrap"
        lines = script.read_text().splitlines()
        assert lines[0].startswith("#!")
        assert lines[1:] == (ROOT / "bin" / "bootstrap").read_text().splitlines()[1:]
        assert lines[-2:] == ['if __name__ == "__main__":', "    main()"]
        done = run(
            [str(script), "hello.handler"],
            [event(b'{"name": "Ada"}'), ACCEPTED],
            ROOT / "examples" / "hello",
        )
        assert done.posts[0].body == b'{"message": "Hello Ada!"}'
        assert done.status == SERVING

    def test_command_says_what_it_needs(self, bare: Path, wheel: Path, tmp_path: Path) -> None:
        """The command without its extras says in one line how to get them, and exits with 2."""
        done = output(bare / "lambda-runtime", "local", "x.y", cwd=tmp_path, status=2)
        assert done.stdout == ""
        # There is no pip, and the wheel is not from the index.
        line = f"uv pip install --python {bare / 'python'} '{wheel}[tools]'"
        assert done.stderr == f"lambda-runtime needs click: {line}\n"

    def test_bootstrap_says_what_it_needs(self, bare: Path, wheel: Path, tmp_path: Path) -> None:
        """So does `bootstrap` outside Lambda."""
        done = output(bare / "bootstrap", "hello.handler", cwd=tmp_path, status=2)
        assert f"'{wheel}[local]'" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_types_are_shipped(self, bare: Path) -> None:
        """A type checker finds py.typed."""
        assert list(bare.parent.glob("lib/*/site-packages/amazon_lambda_runtime/py.typed"))

    def test_samples_are_shipped(self, bare: Path, tmp_path: Path) -> None:
        """Unit tests have the sample events."""
        code = (
            "from amazon_lambda_runtime.testing import sample_event\n"
            "print(sample_event('s3-put', bucket='b')['Records'][0]['s3']['bucket']['name'])"
        )
        assert output(bare / "python", "-c", code, cwd=tmp_path).stdout == "b\n"


class Served:
    """`lambda-runtime local hello.py` on a free port, in the folder that `init` has made."""

    def __init__(self, programs: Path, folder: Path) -> None:
        output(programs / "lambda-runtime", "init", cwd=folder)
        self.log = folder.parent / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [programs / "lambda-runtime", "local", "hello.py", "--port", "0"],
                cwd=folder,
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def get(self, path: str, data: bytes | None = None) -> bytes:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"listens on (\S+)\n", self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with urllib.request.urlopen(found[1] + path, data, PATIENCE) as response:
            body: bytes = response.read()
        return body

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def served(local: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("project") / "project"
    folder.mkdir()
    server = Served(local, folder)
    yield server
    server.close()


class TestLocal:
    def test_version(self, local: Path, wheel: Path, tmp_path: Path) -> None:
        """The command, the package and the wheel have one version."""
        version = wheel.name.split("-")[1]
        done = output(local / "lambda-runtime", "--version", cwd=tmp_path)
        assert done.stdout == f"lambda-runtime {version}\n"
        code = "from amazon_lambda_runtime.core.client import VERSION; print(VERSION)"
        assert output(local / "python", "-c", code, cwd=tmp_path).stdout == f"{version}\n"

    def test_init(self, local: Path, tmp_path: Path) -> None:
        """The templates are there; what `init` writes answers its payload."""
        output(local / "lambda-runtime", "init", cwd=tmp_path)
        templates = ROOT / "src/amazon_lambda_runtime/cli/templates"
        assert len(list(tmp_path.iterdir())) == len(
            [*templates.glob("*.*"), *templates.glob("[A-Zp]*[a-z]")]
        )
        done = output(
            local / "lambda-runtime", "local", "hello.py", "--event", "payload.json", cwd=tmp_path
        )
        assert done.stdout == '{"message": "Hello Ada!"}'

    def test_hot_reload_is_off(self, served: Served) -> None:
        """What the extra `local` has not is off, with the line that helps."""
        served.get("/")
        assert "hot reload is off, because watchfiles is not installed" in served.log.read_text()

    def test_console(self, served: Served, local: Path) -> None:
        """The console page is there, with all that it loads."""
        page = served.get("/").decode()
        assert "<html" in page
        loaded = re.findall(r"""<(?:script|link)\b[^>]*?\b(?:src|href)=["']?([^"'\s>]+)""", page)
        assert loaded
        assert all(served.get(f"/{path.lstrip('/')}") for path in loaded)
        # The scripts import each other.
        (shipped,) = local.parent.glob("lib/*/site-packages/amazon_lambda_runtime/local/api/page")
        source = ROOT / "src/amazon_lambda_runtime/local/api/page"
        assert {file.name for file in shipped.iterdir()} == {file.name for file in source.iterdir()}

    def test_hello(self, served: Served) -> None:
        """The function answers SDKs."""
        answer = served.get("/2015-03-31/functions/hello/invocations", b'{"name": "Ada"}')
        assert json.loads(answer) == {"message": "Hello Ada!"}

    def test_pytest_plugin(self, local: Path, tmp_path: Path) -> None:
        """pytest finds the fixtures without a line of configuration."""
        (tmp_path / "test_mine.py").write_text(
            "def test_fixtures(lambda_context, sample_event, invoke):\n"
            "    assert lambda_context.aws_request_id\n"
            "    assert sample_event('sqs')['Records']\n"
            "    assert invoke(lambda event, context: event['a'], {'a': 1}) == 1\n"
        )
        done = output(local / "python", "-m", "pytest", "-q", cwd=tmp_path)
        assert "1 passed" in done.stdout

    def test_sample_events(self, local: Path, tmp_path: Path) -> None:
        """`lambda-runtime events` has its files."""
        done = output(local / "lambda-runtime", "events", "show", "scheduled", cwd=tmp_path)
        assert json.loads(done.stdout)["detail-type"] == "Scheduled Event"
