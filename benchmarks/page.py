"""Write docs/proof/index.md and its charts from the figures in benchmarks/results/.

    python -m benchmarks.page

What a peer does better is on the page in the same way as what it does worse.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import charts, results
from .candidates import BARE, FLOOR, OURS, PASS
from .measure import Group
from .project import ONE
from .standing import IMPORTS
from .table import figure
from .web import GENERATOR

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/proof/index.md"
CHARTS = ROOT / "docs/static/proof"


class Section(NamedTuple):
    heading: str
    text: str
    # What measures it alone.
    command: str


def _section(name: str, heading: str, text: str) -> Section:
    return Section(heading, text, f"python -m benchmarks --only {name}")


# In the order of the page. A group that is not here comes after them.
SECTIONS = {
    "start": _section(
        "start",
        "Cold start",
        "From exec of the process on. `pass` is an interpreter that starts and ends, `bare` a "
        "client in C without JSON and without a handler.",
    ),
    "cycle": _section(
        "cycle",
        "A cycle",
        "From one `GET /next` to the one that follows, with a handler that returns its event.",
    ),
    "memory": _section("memory", "Memory", "Of one process."),
    "boto3": _section(
        "boto3",
        "A function that uses boto3",
        "Its start, and the memory of its workers: processes for both runtimes.",
    ),
    "stream": _section(
        "stream", "Streaming", "awslambdaric can't stream. `bare` sends the same chunks from C."
    ),
    "concurrency": _section(
        "concurrency",
        "Many invocations at once",
        "N at a time in one environment, with an echo as the handler: the runtime's work alone, "
        "which threads and tasks do one at a time.",
    ),
    "async": _section("async", "Async handlers", "The cycle with `async def`."),
    "orjson": _section(
        "orjson", "Another JSON library", "The cycle with a class that calls orjson for both ways."
    ),
    "instructions": _section(
        "instructions",
        "Counted, not timed",
        "By valgrind and strace: the same whatever else the machine does. `floor` is two exchanges "
        "over a socket by CPython.",
    ),
    "web": _section(
        "web",
        "Web applications",
        "`web` is this runtime's own adapter. Mangum and apig-wsgi run in this runtime, too, so "
        "the difference is the adapter's. `server alone` is uvicorn or gunicorn without Lambda.",
    ),
    "events": _section(
        "events", "Events", "Messages of SQS, each handled on its own, beside Powertools Batch."
    ),
    "durable": _section(
        "durable",
        "Durable functions",
        "An execution of one step, and 40 at once with a wait of 2 s, in `lambda-runtime local` "
        "and in dex-local-runner, AWS's own. Both run the function in this runtime.",
    ),
    "local": _section("local", "The local Lambda", "The same function in both emulators."),
    "standing": _section(
        "standing",
        "A local server that waits",
        "The scale of its start is an interpreter with the imports that it can't do without.",
    ),
    "project": _section("project", "A project on this machine", "Ten functions, and triggers."),
    "images": Section(
        "Images",
        "The same project, built and pushed without an engine and by buildah. `original's recipe` "
        "is a Dockerfile of one stage.",
        "make bench-deploy",
    ),
    "plans": Section(
        "Plans",
        "What a deployment reads first, beside the same questions one after the other.",
        "python -m benchmarks.plans",
    ),
}
# Columns that are a limit or a scale, or this project itself in another way: no peers.
SCALES = {BARE, FLOOR, PASS, IMPORTS, ONE, GENERATOR, "one after the other"}
HEADLINES = (
    ("start", "exec to first response", "cold start, elapsed"),
    ("start", "CPU to first response", "cold start, CPU"),
    ("boto3", "boto3, exec to first response, ms", "cold start with boto3"),
    ("cycle", "50 B, p50", "a cycle, event of 50 bytes"),
    ("cycle", "100 KB, p50", "a cycle, 100 KB"),
    ("cycle", "6 MB, p50", "a cycle, 6 MB"),
    ("memory", "resident", "resident memory"),
    ("boto3", "boto3, MiB per added", "memory of each further worker, boto3"),
)
OVERVIEW = "overview"

_HEAD = """\
# Proof

What this runtime costs beside its peers: each group was measured in one run on one machine, by
turns. All that a peer does better is in a list of its own.
[The cases of behaviour](behaviour.md) are listed with the tests that show them.

This page is written by `python -m benchmarks.page` from the figures in `benchmarks/results/`;
`make bench` and `make bench-deploy` measure them anew. `benchmarks/README.md` says what each figure
is. A shared machine is fast in one second and slow in the next: compare ratios, not milliseconds.

```{toctree}
:hidden:

behaviour
```
"""
_QUICK = """
**These figures are from a run with `--quick`: a first impression of a few rounds, which proves
nothing.**
"""


class Pair(NamedTuple):
    """A figure of ours beside one of a peer's."""

    group: str
    row: str
    ours: str
    peer: str
    figures: tuple[float, float]

    @property
    def ratio(self) -> float:
        """What ours takes, as a multiple of the peer's; a rate is taken as the time of one."""
        ours, peer = self.figures
        return peer / ours if more_is_better(self.row) else ours / peer


def more_is_better(row: str) -> bool:
    return row.endswith("/s")


def pairs(name: str, group: Group) -> Iterator[Pair]:
    """Give each figure of ours beside each of a peer's, where both were measured."""
    peers = [each for each in dict.fromkeys((group.peer, *group.others)) if each not in SCALES]
    for title, row in group.rows.items():
        for ours in group.ours:
            for peer in peers:
                # A difference can be nothing, or less.
                if peer not in group.ours and row.get(ours, 0) > 0 and row.get(peer, 0) > 0:
                    yield Pair(name, title, ours, peer, (row[ours], row[peer]))


def written(runs: Sequence[results.Run]) -> dict[Path, str]:
    """Return the page and the charts: each file, and its text."""
    found = {name: group for run in runs for name, group in run.groups.items()}
    ordered = [name for name in SECTIONS if name in found]
    ordered += [name for name in found if name not in SECTIONS]
    compared = {name: [*pairs(name, found[name])] for name in ordered}
    is_quick = any("--quick" in run.head["command"] for run in runs)
    lines = [_HEAD + _QUICK * is_quick, "## In one look", ""]
    files: dict[Path, str] = {}
    headlines = [*_headlines(compared)]
    if headlines:
        files[CHARTS / f"{OVERVIEW}.svg"] = charts.chart(
            "What this runtime takes", "awslambdaric", headlines
        )
        lines += [_image(OVERVIEW), ""]
    lines += ["## Where we are slower", "", *_slower(compared.values())]
    lines += ["", "## How it was measured", "", *_measured(runs, ordered)]
    for name in ordered:
        section = SECTIONS.get(name) or _section(name, name.capitalize(), "")
        lines += ["", f"## {section.heading}", "", *([section.text, ""] if section.text else [])]
        if compared[name]:
            title = f"{section.heading}: what ours takes"
            bars = [charts.Bar(_label(pair, found[name]), pair.ratio) for pair in compared[name]]
            peers = {pair.peer for pair in compared[name]}
            line = peers.pop() if len(peers) == 1 else "the peer that a bar is beside"
            files[CHARTS / f"{name}.svg"] = charts.chart(title, line, bars)
            lines += [_image(name), ""]
        # Behind the group's own name.
        method = found[name].title.partition(": ")[2]
        lines += [*_table(found[name], compared[name]), ""]
        lines.append(f"`{section.command}`" + (f": {method}." if method else ""))
    return {PAGE: "\n".join(lines) + "\n"} | files


def _headlines(compared: Mapping[str, Sequence[Pair]]) -> Iterator[charts.Bar]:
    for name, row, label in HEADLINES:
        for pair in compared.get(name, ()):
            if pair.row == row:
                yield charts.Bar(label, pair.ratio)


def _image(name: str) -> str:
    return f"![What ours takes as a multiple of the peer's, as bars](../static/proof/{name}.svg)"


def _slower(compared: Iterable[Sequence[Pair]]) -> Iterator[str]:
    """Give a table of all that a peer does better, the worst first."""
    worse = [pair for each in compared for pair in each if round(pair.ratio, 2) > 1]
    if not worse:
        yield "Nowhere in these figures."
        return
    yield "| | ours takes | figures |"
    yield "|---|---|---|"
    for pair in sorted(worse, key=lambda pair: -pair.ratio):
        ours, peer = map(figure, pair.figures)
        name = "" if pair.ours == OURS else f" ({pair.ours})"
        yield (
            f"| {pair.group}: {pair.row} | {pair.ratio:.2f} × "
            f"| {ours}{name}, beside {peer} ({pair.peer}) |"
        )


def _measured(runs: Sequence[results.Run], ordered: Sequence[str]) -> Iterator[str]:
    yield "| | measured | on | with |"
    yield "|---|---|---|---|"
    for head, groups in runs:
        versions = ", ".join(f"{name} {number}" for name, number in head["versions"].items())
        yield (
            f"| `{head['command']}` | {', '.join(name for name in ordered if name in groups)} "
            f"| {head['date']}, {head['cpus']} CPUs of {head['cpu']}, {head['machine']}, "
            f"{head['kernel']} | {head['python']}, {versions} |"
        )
    missing = [
        (each.heading, each.command) for name, each in SECTIONS.items() if name not in ordered
    ]
    if missing:
        yield ""
        yield "Not measured in these runs:"
        yield ""
        yield from (f"- {heading}: `{command}`" for heading, command in missing)


def _label(pair: Pair, group: Group) -> str:
    """Return what a bar shows; of the columns only what another bar has in another way."""
    row = pair.row
    if more_is_better(row):
        row = f"{row.rpartition(', ')[0]}, time of each"
    ours = f": {pair.ours}" if len(group.ours) > 1 else ""
    beside = f", beside {pair.peer}" if len({group.peer, *group.others} - SCALES) > 1 else ""
    return f"{row}{ours}{beside}"


def _table(group: Group, compared: Sequence[Pair]) -> Iterator[str]:
    """Give the figures, and behind them what ours takes beside each peer."""
    measured = {column for row in group.rows.values() for column in row}
    limits = [each for each in (group.baseline, BARE) if each != group.peer]
    wanted = (*limits, *group.ours, group.peer, *group.others)
    columns = [each for each in dict.fromkeys(wanted) if each in measured]
    columns += sorted(measured - {*columns})
    takes = " ours takes |" if compared else ""
    yield f"| {group.unit} | {' | '.join(columns)} |{takes}"
    yield f"|---|{'---:|' * len(columns)}{'---|' if compared else ''}"
    for name, row in group.rows.items():
        cells = " | ".join(figure(row.get(column)) for column in columns)
        ratios = ", ".join(
            f"{pair.ratio:.2f} × " + (pair.peer if len(group.ours) == 1 else f"({pair.ours})")
            for pair in compared
            if pair.row == name
        )
        yield f"| {name} | {cells} |" + (f" {ratios} |" if compared else "")


def main() -> None:
    CHARTS.mkdir(parents=True, exist_ok=True)
    PAGE.parent.mkdir(exist_ok=True)
    runs = results.load(results.FOLDER)
    names = [name for run in runs for name in run.groups]
    if twice := {name for name in names if names.count(name) > 1}:
        sys.exit(
            f"python -m benchmarks.page: two files of {results.FOLDER} have {', '.join(twice)}"
        )
    files = written(runs)
    for old in {*CHARTS.glob("*.svg")} - files.keys():
        old.unlink()
    for file, text in files.items():
        file.write_text(text)
    print(f"{PAGE.relative_to(ROOT)} and {len(files) - 1} charts in {CHARTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
