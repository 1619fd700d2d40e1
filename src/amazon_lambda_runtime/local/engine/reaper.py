"""Whatever ends this process, its children end too: also SIGKILL, which leaves it no last word.

A small process of its own holds the other end of a pipe and a list of process groups. When the pipe
closes, nobody is left to look after them, and it kills them all. It is in a session of its own, so
that what is sent to our group or typed at our terminal does not reach it.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress


class Reaper:
    """Kills the process groups that it has been told of, when this process ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Have the process group killed in the end."""
        if self._process is None:
            # Without a reaper the functions still run.
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
        """Take back what was said of a group that has ended: its number may be another's soon."""
        self._tell(f"-{group}\n")

    def dismiss(self) -> None:
        """Let it go. What it still watches ends."""
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
    """Read the list until there is nobody who could say more, then do what has to be done."""
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
