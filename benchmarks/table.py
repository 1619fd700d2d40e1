"""The figures on one screen, each with its ratios and the target that it has to meet."""

from typing import NamedTuple

from .candidates import BARE, FLOOR, OURS, PASS, PEER, TASKS
from .durable import RUNNER
from .emulators import RIE
from .measure import Group
from .standing import IMPORTS
from .web import APIG, GENERATOR, MANGUM_OFF, MANGUM_ON


class Target(NamedTuple):
    """What our figure has to reach: a multiple of another's, or a figure of its own."""

    limit: float
    other: str | None = None
    # For a group with several columns of ours; the first one if it is not named.
    column: str | None = None
    more_is_better: bool = False

    def judge(self, row: dict[str, float], ours: str) -> str:
        """Return the target with ok or MISSED; with "-" where that cannot be told."""
        ours = self.column or ours
        measured = ratio(row, self.other, ours) if self.other else row.get(ours)
        if measured is None:
            verdict = "-"
        else:
            met = measured >= self.limit if self.more_is_better else measured <= self.limit
            verdict = "ok" if met else "MISSED"
        sign = "≥" if self.more_is_better else "≤"
        wanted = f"{sign} {self.limit:.2f} * {self.other}" if self.other else f"{sign} {self.limit}"
        return f"{self.column} {wanted} {verdict}" if self.column else f"{wanted} {verdict}"


TARGETS = {
    "exec to first response": [Target(0.42, PEER), Target(1.2, PASS)],
    # The elapsed time has the server's part in it and the CPU time has not.
    "50 B, p50": [Target(0.38, PEER), Target(2.05, BARE)],
    "50 B, CPU": [Target(0.38, PEER), Target(2.05, BARE)],
    "6 MB, p50": [Target(0.8, PEER)],
    "resident": [Target(0.7, PEER)],
    "peak": [Target(0.7, PEER)],
    "async above plain, p10": [Target(75)],
    "N=16, invocations/s": [Target(1.6, PEER, TASKS, more_is_better=True)],
    "N=16, PSS, MiB": [Target(0.7, PEER, TASKS)],
    "boto3, exec to first response, ms": [Target(0.88, PEER)],
    "boto3, MiB per added": [Target(0.12, PEER)],
    "import, ms": [Target(0.12, "powertools")],
    "a message, µs": [Target(0.85, "powertools")],
    "a message of a FIFO queue, µs": [Target(0.88, "powertools")],
    "a message where one in ten fails, µs": [Target(0.85, "powertools")],
    "a batch of one, µs": [Target(1.0, "powertools")],
    "a message of an async hook, µs": [Target(0.6, "powertools")],
    "raw ASGI above an async handler, p10, µs": [Target(100)],
    "Starlette, CPU, µs": [Target(0.6, MANGUM_ON), Target(0.9, MANGUM_OFF)],
    "Flask, CPU, µs": [Target(0.8, APIG)],
    **{
        f"{name}, CPU to first response, ms": [Target(1.0, MANGUM_OFF)]
        for name in ("raw ASGI", "Starlette", "FastAPI")
    },
    "first streamed byte, raw ASGI, p10, µs": [Target(1.2, GENERATOR)],
    "warm invoke, one CPU, p50, µs": [Target(1.35, RIE)],
    "warm invoke, p50, µs": [Target(0.85, RIE)],
    "listening, ms": [Target(2, IMPORTS)],
    "first answer, ms": [Target(3, IMPORTS)],
    "idle, % of a CPU": [Target(0.3)],
    "growth, MiB": [Target(3)],
    "execution of one step, ms": [Target(0.9, RUNNER)],
    "40 executions with a wait of 2 s, ms": [Target(1.0, RUNNER)],
    "modules of it in a function that is not durable": [Target(0)],
    "64 environments, growth, MiB": [Target(3)],
}


def ratio(row: dict[str, float], other: str, ours: str = OURS) -> float | None:
    """Return our figure as a multiple of another's, or None where one of them is missing."""
    return row[ours] / row[other] if ours in row and other in row else None


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def figure(value: float | None) -> str:
    if value is None:
        return "-"
    return number(value, 2 if value < 1 else 1 if value < 1000 else 0)


def render(group: Group) -> str:
    """Return one group as a table."""
    columns = [group.baseline] if group.baseline in (PASS, FLOOR) else []
    columns += [] if group.baseline == group.peer else [BARE]
    columns += [*group.ours, group.peer, *group.others]
    # Each column of ours with each that it is compared with.
    others = dict.fromkeys((group.peer, group.baseline, *group.others))
    pairs = [(ours, other) for other in others for ours in group.ours]
    head = [group.unit, *columns, *(f"{ours}/{other}" for ours, other in pairs), "target"]
    lines = [head]
    for name, row in group.rows.items():
        cells = [figure(row.get(column)) for column in columns]
        cells += [number(ratio(row, other, ours), 2) for ours, other in pairs]
        targets = TARGETS.get(name, [])
        verdicts = ", ".join(target.judge(row, group.ours[0]) for target in targets)
        lines.append([name, *cells, verdicts])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [group.title]
    for name, *cells, target in lines:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True))
        text.append("  ".join([name.ljust(widths[0]), *padded, target]).rstrip())
    return "\n".join(text)
