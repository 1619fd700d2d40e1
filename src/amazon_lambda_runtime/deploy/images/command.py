"""Running the commands of others: their output as it comes, and one line when they fail."""

import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from .model import ImageError, Meter

# How many of a command's last lines are told when it fails.
_LAST = 3


def run(
    command: Sequence[str],
    meter: Meter,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command and return what it printed. The meter is told each line.

    Raises ImageError, with its last lines, if it cannot be run or its exit status is not 0.
    """
    shown = " ".join(command[:2])
    printed: list[str] = []
    last: deque[str] = deque(maxlen=_LAST)
    try:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ImageError(f"cannot run {command[0]}: {error.strerror}") from None
    try:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if text := line.strip():
                last.append(text)
                meter(0, 0, text)
        status = process.wait()
    finally:
        # After Ctrl-C it is told the same, and waited for.
        if process.poll() is None:
            process.terminate()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
    if status:
        raise ImageError(f"{shown} failed with status {status}: {' | '.join(last)}")
    return "".join(printed)
