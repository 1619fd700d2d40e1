"""The reaper: kills the function's processes when this process ends, even by SIGKILL.

It is a small process that holds the other end of a pipe and a list of process groups. When this
process ends, however it ends, the pipe closes, and the reaper kills every group on its list. It has
a session of its own, so that signals to our group and Ctrl-C at our terminal do not reach it.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress


class Reaper:
    """Kills the process groups on its list when this process ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Put a process group on the list."""
        if self._process is None:
            # Functions run without a reaper, too.
            with suppress(OSError):
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Take a group that has ended off the list: its number may be used again."""
        self._tell(f"-{group}\n")

    def dismiss(self) -> None:
        """Let the reaper end. It kills what is still on the list."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def _tell(self, line: str) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            with suppress(OSError):
                os.write(self._process.stdin.fileno(), line.encode())


def main() -> None:
    """Keep the list until the pipe closes, then kill every group on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
