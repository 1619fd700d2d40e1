"""Web applications: what a request costs, and the start, beside Mangum and apig-wsgi.

All are served by this runtime, so the difference is the adapter's; but for uvicorn and
gunicorn, which serve the applications alone.
"""

import ctypes
import importlib.util
import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from amazon_lambda_runtime import samples

from .candidates import OURS, serving
from .environment import Candidate, Environment
from .measure import Effort, Group, Row, Times, medians, on_one_cpu, turns
from .server import next_answer
from .web_servers import WebServer

WEB, MANGUM_ON, MANGUM_OFF, APIG = "web", "mangum, lifespan", "mangum", "apig-wsgi"
# Each framework, and of each column the handler in web_apps.py, or in echo.py.
FRAMEWORKS = {
    "raw ASGI": {WEB: "raw_web", MANGUM_ON: "raw_on", MANGUM_OFF: "raw_off"},
    "Starlette": {WEB: "starlette_web", MANGUM_ON: "starlette_on", MANGUM_OFF: "starlette_off"},
    "FastAPI": {WEB: "fastapi_web", MANGUM_ON: "fastapi_on", MANGUM_OFF: "fastapi_off"},
    "Flask": {WEB: "flask_web", APIG: "flask_apig"},
}
SERVERS = {"raw ASGI": "uvicorn", "Starlette": "uvicorn", "FastAPI": "uvicorn", "Flask": "gunicorn"}
NEEDED = ("apig_wsgi", "fastapi", "flask", "gunicorn", "mangum", "starlette", "uvicorn")
ALONE = "server alone"
GENERATOR = "async generator"
STREAMS = {
    GENERATOR: "web_apps.pieces",
    "raw ASGI": "web_apps.rawstream_web",
    "Starlette": "web_apps.starlettestream_web",
}
PLAIN = "an async handler"
CYCLES = 50


def web(found: Sequence[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure the requests in microseconds, and the start in milliseconds."""
    rows: dict[str, Row] = {}
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"web: not installed: {', '.join(missing)}; nothing is measured with them")
    ours = [candidate for candidate in found if candidate.name == OURS]
    for framework, handlers in FRAMEWORKS.items() if ours and not missing else ():
        made = [
            serving(ours[0], f"web_apps.{handler}")._replace(name=name)
            for name, handler in handlers.items()
        ]
        if framework == "raw ASGI":
            made.append(serving(ours[0], "echo.handler_async")._replace(name=PLAIN))
        times, cpu = requests(made, effort, loop)
        rows[f"{framework}, p10, µs"] = tenths(times)
        app = handlers[WEB].partition("_")[0]
        cpu[ALONE] = served_alone(SERVERS[framework], app, effort)
        rows[f"{framework}, CPU, µs"] = medians(cpu)
        begun = starts(made, effort) | {ALONE: start_alone(SERVERS[framework], app, effort)}
        rows[f"{framework}, CPU to first response, ms"] = begun
    if ours and not missing:
        firsts = first_bytes(
            [serving(ours[0], h)._replace(name=n) for n, h in STREAMS.items()], effort
        )
        generator = firsts.pop(GENERATOR)
        for name, value in firsts.items():
            row = {WEB: value, GENERATOR: generator}
            rows[f"first streamed byte, {name}, p10, µs"] = row
    for name in ("p10", "CPU"):
        row = rows.get(f"raw ASGI, {name}, µs", {})
        if PLAIN in row:
            above = {WEB: row[WEB] - row.pop(PLAIN)}
            rows[f"raw ASGI above an async handler, {name}, µs"] = above
    title = f"web: {effort.rounds} turns of {CYCLES} requests of a function URL"
    return Group(
        title, "", MANGUM_OFF, rows, (WEB,), MANGUM_OFF, (MANGUM_ON, APIG, ALONE, GENERATOR)
    )


def requests(
    made: list[Candidate], effort: Effort, loop: ctypes.CDLL | None
) -> tuple[Times, Times]:
    """Measure each request, and of the CPU time the mean of each turn."""
    answer = next_answer(request())
    times: Times = defaultdict(list)
    cpu: Times = defaultdict(list)
    with ExitStack() as stack:
        environments = on_one_cpu(stack, made, loop)
        for candidate in turns(made, effort.rounds):
            environment = environments[candidate]
            environment.connection.cycles(answer, 1)
            before = environment.cpu()
            nanoseconds = environment.connection.cycles(answer, CYCLES)
            cpu[candidate.name].append((environment.cpu() - before) * 1000 / CYCLES)
            times[candidate.name] += (each / 1000 for each in nanoseconds)
    return times, cpu


def served_alone(module: str, framework: str, effort: Effort) -> list[float]:
    """Measure the CPU time (µs) of a request in a server of its own, the mean of each turn."""
    found = []
    with WebServer(module, f"{framework}_app") as server:
        server.request()
        for _ in range(effort.rounds):
            before = server.cpu()
            for _ in range(CYCLES):
                server.request()
            found.append((server.cpu() - before) * 1000 / CYCLES)
    return found


def start_alone(module: str, framework: str, effort: Effort) -> float:
    """Measure the CPU time (ms) from exec to the first response of a server of its own."""
    found = []
    for _ in range(effort.heavy):
        with WebServer(module, f"{framework}_app") as server:
            server.request()
            found.append(server.cpu())
    return median(found)


def first_bytes(made: list[Candidate], effort: Effort) -> Row:
    """Measure the time (µs) from an event to the first byte of its response's body, at p10."""
    answer = next_answer(request())
    times: Times = defaultdict(list)
    with ExitStack() as stack:
        environments = on_one_cpu(stack, made, None)
        for candidate in turns(made, effort.rounds):
            for _ in range(CYCLES):
                stream = environments[candidate].connection.stream(answer)
                times[candidate.name].append((stream.first - stream.sent) / 1000)
    return tenths(times)


def tenths(times: Times) -> Row:
    """Return the tenth percentile of each: what a busy machine disturbs least."""
    return {name: sorted(values)[len(values) // 10] for name, values in times.items()}


def starts(made: list[Candidate], effort: Effort) -> Row:
    answer = next_answer(request())
    cpu: Times = defaultdict(list)
    for candidate in turns(made, effort.heavy):
        with Environment(candidate) as environment:
            environment.connect().wait_for_next()
            environment.connection.respond(answer)
            cpu[candidate.name].append(environment.cpu())
    return medians(cpu)


def request() -> bytes:
    return json.dumps(samples.load("function-url", path="/hello")).encode()
