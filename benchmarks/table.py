"""The figures on one screen, each with its ratios and the target that it has to meet."""

from .candidates import BARE, OURS, PASS, PEER
from .emulators import RIE
from .measure import Group

# What our figure may be at most, as a multiple of another's.
TARGETS: dict[str, dict[str, float]] = {
    "exec to first response": {PEER: 0.45, PASS: 1.6},
    "50 B, p50": {PEER: 0.40, BARE: 2.2},
    "6 MB, p50": {PEER: 0.8},
    "resident": {PEER: 1.0},
    "peak": {PEER: 1.0},
    "import, ms": {"powertools": 0.12},
    "a message, µs": {"powertools": 0.85},
    "a message of a FIFO queue, µs": {"powertools": 0.88},
    "a message where one in ten fails, µs": {"powertools": 0.85},
    "a batch of one, µs": {"powertools": 1.0},
    "a message of an async hook, µs": {"powertools": 0.6},
    "warm invoke, one CPU, p50, µs": {RIE: 0.5},
    "warm invoke, p50, µs": {RIE: 0.5},
}


def ratio(row: dict[str, float], other: str, ours: str = OURS) -> float | None:
    """Return our figure as a multiple of another's, or None where one of them is missing."""
    return row[ours] / row[other] if ours in row and other in row else None


def verdicts(name: str, row: dict[str, float], ours: str = OURS) -> list[str]:
    """Return the targets of one row, each with ok or MISSED; "-" where it cannot be told."""
    told = []
    for other, limit in TARGETS.get(name, {}).items():
        measured = ratio(row, other, ours)
        verdict = "-" if measured is None else "ok" if measured <= limit else "MISSED"
        told.append(f"≤ {limit:.2f} * {other} {verdict}")
    return told


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def figure(value: float | None) -> str:
    return number(value, 2 if value is not None and value < 1 else 1)


def render(group: Group) -> str:
    """Return one group as a table."""
    columns = [PASS] if group.baseline == PASS else []
    columns += [] if group.baseline == group.peer else [BARE]
    columns += [*group.ours, group.peer]
    # Each column of ours with each that it is compared with.
    others = dict.fromkeys((group.peer, group.baseline))
    pairs = [(ours, other) for other in others for ours in group.ours]
    head = [group.unit, *columns, *(f"{ours}/{other}" for ours, other in pairs), "target"]
    lines = [head]
    for name, row in group.rows.items():
        cells = [figure(row.get(column)) for column in columns]
        cells += [number(ratio(row, other, ours), 2) for ours, other in pairs]
        lines.append([name, *cells, ", ".join(verdicts(name, row, group.ours[0]))])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [group.title]
    for name, *cells, target in lines:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True))
        text.append("  ".join([name.ljust(widths[0]), *padded, target]).rstrip())
    return "\n".join(text)
