"""The reaper: kills the function's processes when this process ends, even by SIGKILL.

It is a small process that holds the other end of a pipe and a list of process groups. When this
process ends, however it ends, the pipe closes, and the reaper kills every group on its list. It has
a session of its own, so that signals to our group and Ctrl-C at our terminal do not reach it.

A process can leave its group (setsid) and its parent (a daemon forks twice), but it keeps the
variables that it was started with. So each group has a marker, a variable whose value is its own,
and /proc tells who has it. One that has done all three, left its group, lost its parent and started
with other variables, cannot be told from a stranger's process when this process is killed, and is
left alone. While this process lives, it finds such orphans as its own children (see `orphans`).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Set
from contextlib import suppress

# How often is looked for what killed processes have started.
ROUNDS = 10


class Reaper:
    """Kills the process groups on its list when this process ends."""

    def __init__(self, is_shared: bool = False) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        #: Whether it has processes of several functions: then an orphan without a marker may be
        #: any of theirs.
        self.is_shared = is_shared
        #: The groups on the list.
        self.groups: set[int] = set()
        #: How many processes are being started, and are not on it yet.
        self.starting = 0

    @property
    def children(self) -> set[int]:
        """The children of this process that are known: all but orphans."""
        return self.groups | ({self._process.pid} if self._process is not None else set())

    def watch(self, group: int, marker: str = "") -> None:
        """Put a process group on the list, and the variable NAME=VALUE that marks it."""
        self.groups.add(group)
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
        self._tell(f"+{group} {marker}\n")

    def forget(self, group: int) -> None:
        """Take a group that has ended off the list: its number may be used again."""
        self.groups.discard(group)
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


def marked(markers: Set[bytes]) -> list[int]:
    """Return the processes that were started with one of these variables (NAME=VALUE)."""
    found = []
    with suppress(OSError):
        for name in filter(str.isdecimal, os.listdir("/proc")):
            # It may have ended, or be another user's.
            with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if not markers.isdisjoint(file.read().split(b"\0")):
                    found.append(int(name))
    return found


def kill_marked(markers: Set[bytes], spared: Set[int] = frozenset()) -> None:
    """Kill those processes, and what they start meanwhile, but not those of the spared groups."""
    for _ in range(ROUNDS):
        left = False
        for pid in marked(markers):
            with suppress(OSError):
                if os.getpgid(pid) not in spared and pid != os.getpid():
                    os.kill(pid, signal.SIGKILL)
                    left = True
        if not left:
            return


def main() -> None:
    """Keep the list until the pipe closes, then kill every group on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, str] = {}
    for line in sys.stdin:
        group, _, marker = line[1:].rstrip("\n").partition(" ")
        if line[0] == "+":
            groups[int(group)] = marker
        else:
            groups.pop(int(group), None)
    for started in groups:
        with suppress(OSError):
            os.killpg(started, signal.SIGKILL)
    if markers := {marker.encode() for marker in groups.values() if marker}:
        kill_marked(markers)


if __name__ == "__main__":
    main()
