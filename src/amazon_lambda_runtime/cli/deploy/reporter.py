"""The progress of what takes long, on stderr: a moving line in a terminal, plain lines elsewhere.

It is elsewhere, too, if stdout is no terminal: a log is read by people and by programs. There, what
takes less than two seconds is only told when it is done.
"""

import json
import sys
import time
from threading import Timer
from types import TracebackType
from typing import TYPE_CHECKING

import click

from amazon_lambda_runtime.cli.extras import has

if TYPE_CHECKING:
    from rich.status import Status

    from amazon_lambda_runtime.deploy.plan import Plan, Step

_SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "foreign": ("!", "magenta"),
}

# In seconds: how long nothing is said of what is going on, where no line moves.
_SILENCE = 2.0


class Reporter:
    """Prints each step when it is done, and shows the step that is running. A context manager.

    `what` is what goes on before the first step.
    """

    def __init__(self, what: str = "reading what is there") -> None:
        self._what = what
        self._late: Timer | None = None
        self._coloured = sys.stderr.isatty() and sys.stdout.isatty()
        self._status: Status | None = None
        self._said = ""
        self._began = 0.0

    def __enter__(self) -> "Reporter":
        if self._coloured and has("rich", default="the moving line"):
            from rich.console import Console

            self._status = Console(stderr=True).status(_escaped(self._what))
            self._status.start()
        self._goes_on(self._what)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tells()
        if self._status is not None:
            self._status.stop()

    def begin(self, step: "Step") -> None:
        self._began = time.monotonic()
        if self._status is not None:
            self._status.update(_escaped(f"{step.what}"))
        self._goes_on(step.what)

    def _goes_on(self, what: str) -> None:
        """Say what goes on, once it has taken so long that one wonders."""
        self._tells()
        if self._status is None:
            self._late = Timer(_SILENCE, lambda: click.echo(f"  {what}: working on it", err=True))
            self._late.daemon = True
            self._late.start()

    def _tells(self) -> None:
        """Something else is said now."""
        if self._late is not None:
            self._late.cancel()

    def note(self, text: str) -> None:
        self._tells()
        if self._status is not None:
            self._status.update(_escaped(text))
        elif text != self._said:
            click.echo(f"  {text}", err=True)
        self._said = text

    def end(self, step: "Step") -> None:
        self._tells()
        took = time.monotonic() - self._began
        seconds = f" ({took:.0f} s)" if took >= 1 else ""
        self._line(f"{line(step, color=self._coloured)}{seconds}")

    def _line(self, text: str) -> None:
        if self._status is not None:
            # The moving line is below the lines that stay.
            self._status.stop()
            click.echo(text, err=True)
            self._status.start()
        else:
            click.echo(text, err=True)


def line(step: "Step", *, color: bool) -> str:
    """Return a step as one line: its sign, what it changes, and why."""
    sign, style = _SIGNS[step.action]
    sign = click.style(sign, fg=style) if color else sign
    return f"{sign} {step.what}: {step.why}"


def show(plan: "Plan", *, as_json: bool = False, nothing: str = "") -> None:
    """Print a plan on stdout: a line for each step, then the notes; `nothing` if it has no step."""
    if as_json:
        click.echo(json.dumps(plan.document(), indent=2, ensure_ascii=False))
        return
    color = sys.stdout.isatty()
    for step in plan.steps:
        click.echo(line(step, color=color))
    for text in plan.notes:
        click.echo(f"note: {text}")
    if nothing and not plan.steps:
        click.echo(nothing)


def _escaped(text: str) -> str:
    # rich would read it as markup.
    return text.replace("[", r"\[")
