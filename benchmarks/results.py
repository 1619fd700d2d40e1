"""The figures of a run as a file: what was measured, on which machine, with which versions.

`benchmarks/results/` holds those of the page in docs/proof, a file for each command.
"""

import json
import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from .measure import Group

FOLDER = Path(__file__).parent / "results"
# What a figure may depend on, by the names of the distributions.
PACKAGES = (
    "amazon-lambda-runtime",
    "awslambdaric",
    "boto3",
    "orjson",
    "aws-lambda-powertools",
    "mangum",
    "apig-wsgi",
    "starlette",
    "fastapi",
    "flask",
    "uvicorn",
    "gunicorn",
    "aws-durable-execution-sdk-python",
    "aws-durable-execution-sdk-python-testing",
    "moto",
)
_DIGITS = 5


class Run(NamedTuple):
    """What one command measured."""

    head: dict[str, Any]
    groups: dict[str, Group]


def head(command: str, **versions: str) -> dict[str, Any]:
    """Return what is known of the machine; `versions` are those that no package manager knows."""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "versions": {name: found for name in PACKAGES if (found := version(name))} | versions,
    }


def version(package: str) -> str:
    """Return its version, or nothing if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def write(file: Path, run: Run) -> None:
    groups = {name: _document(group) for name, group in run.groups.items()}
    file.write_text(json.dumps({"run": run.head} | groups, indent=1, ensure_ascii=False) + "\n")


def load(folder: Path) -> list[Run]:
    """Return the runs whose files are in the folder."""
    runs = []
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text())
        known = document.pop("run")
        runs.append(Run(known, {name: _group(each) for name, each in document.items()}))
    return runs


def _document(group: Group) -> dict[str, Any]:
    rows = {
        name: {column: float(f"{figure:.{_DIGITS}g}") for column, figure in row.items()}
        for name, row in group.rows.items()
    }
    return group._replace(rows=rows)._asdict()


def _group(document: Mapping[str, Any]) -> Group:
    ours, others = tuple(document["ours"]), tuple(document["others"])
    return Group(**{**document, "ours": ours, "others": others})


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "not told"
