"""A program and its children: started, frozen, measured and ended together."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from . import orphans
from .orphans import family
from .reaper import ROUNDS, Reaper, kill_marked, marked

# In seconds: how long a program may take to go on after SIGCONT.
_WAKES_WITHIN = 1.0

# In seconds: how often is looked for processes that have left the group, while memory is measured.
_LOOKS_EVERY = 0.5
# The variable that tells whose a process is: its value is another one in each environment.
_MARKER = "AWS_LAMBDA_LOG_STREAM_NAME"


class Process:
    """A program and everything that it starts.

    That is its process group, what it has started in other groups, orphans and what carries its
    marker. An orphan without a marker belongs to the one that looks first.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, reaper: Reaper, marker: str = ""
    ) -> None:
        self._process = process
        self._reaper = reaper
        self.pid = process.pid
        self._status = -1
        with suppress(OSError):
            self._status = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
        self._peak_kb = 0
        self._marker = marker
        self._markers = {marker.encode()} if marker else set[bytes]()
        self._orphans_are_ours = orphans.are_adopted()
        self._strays: list[int] = []
        self._looked = 0.0
        reaper.watch(self.pid, marker)

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        output: int,
        reaper: Reaper,
    ) -> "Process":
        """Run the command; its stdout and stderr both go to the descriptor `output`.

        Raises OSError if it cannot be run.
        """
        reaper.starting += 1
        try:
            process = await cls._spawn(command, cwd, env, output)
            marker = env.get(_MARKER)
            return cls(process, reaper, f"{_MARKER}={marker}" if marker else "")
        finally:
            reaper.starting -= 1

    @staticmethod
    async def _spawn(
        command: Sequence[str], cwd: str, env: Mapping[str, str], output: int
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            # A group of its own: one signal reaches the program and its children, and Ctrl-C at
            # the terminal does not reach them.
            start_new_session=True,
        )

    async def wait(self) -> int:
        """Wait until the program has ended, kill the children that it left; return its code."""
        code = await self._process.wait()
        self.kill()
        self._reaper.forget(self.pid)
        if self._status >= 0:
            os.close(self._status)
            self._status = -1
        return code

    def terminate(self) -> None:
        """Ask them to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End them at once (SIGKILL)."""
        # Before their parents are gone.
        self._look()
        self._signal(signal.SIGKILL)
        self._signal_strays(signal.SIGKILL)
        if self._orphans_are_ours:
            for _ in range(ROUNDS):
                self._look()
                if not self._strays:
                    break
                self._signal_strays(signal.SIGKILL)
        elif self._markers:
            kill_marked(self._markers, self._others)

    def freeze(self) -> None:
        """Stop them, wherever they are (SIGSTOP)."""
        self._signal(signal.SIGSTOP)
        self._look()
        self._signal_strays(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on (SIGCONT)."""
        self._signal(signal.SIGCONT)
        self._signal_strays(signal.SIGCONT)

    async def wake(self) -> None:
        """Let them go on, and return when the program's main thread waits again.

        A signal that is sent before may be given to another thread, and would not interrupt the
        main thread's wait, where a runtime hears it.
        """
        self.thaw()
        deadline = time.monotonic() + _WAKES_WITHIN
        while _state(self.pid) in "RT" and time.monotonic() < deadline:
            await asyncio.sleep(0.001)

    def peak_mb(self) -> int:
        """Return the most memory used so far, in MB rounded up; 0 if that is unknown.

        That is the kernel's peak of the program (VmHWM), or the most that `resident_mb` has seen
        of it and its children together.
        """
        if self._status >= 0:
            with suppress(OSError):
                status = os.pread(self._status, 4096, 0)
                _, found, rest = status.partition(b"VmHWM:")
                if found:
                    self._peak_kb = max(self._peak_kb, int(rest.split(None, 1)[0]))
        return -(-self._peak_kb // 1024)

    def resident_mb(self) -> int:
        """Return the memory that all of them use now, in MB rounded up."""
        if time.monotonic() - self._looked > _LOOKS_EVERY:
            self._look()
        members = family(self.pid).union(self._strays)
        resident = sum(map(_resident_kb, members))
        self._peak_kb = max(self._peak_kb, resident)
        return -(-resident // 1024)

    @property
    def _others(self) -> set[int]:
        """The groups of the reaper's other processes: extensions have the same variables."""
        return self._reaper.groups - {self.pid}

    def _look(self) -> None:
        """Look for processes that have left the group."""
        self._looked = time.monotonic()
        candidates = family(self.pid)
        if self._orphans_are_ours:
            ours = (self._marker,) if self._reaper.is_shared else (self._marker, "")
            # What has just been started is no orphan, and is waited for.
            for pid in orphans.orphans(self._reaper.children, buries=not self._reaper.starting):
                if orphans.variable(pid, _MARKER) in ours:
                    candidates |= family(pid)
        elif self._markers:
            candidates.update(marked(self._markers))
        spared = self._others | {self.pid}
        self._strays = [pid for pid in candidates if _group(pid) not in spared | {0}]

    def _signal_strays(self, number: int) -> None:
        for pid in self._strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _state(pid: int) -> str:
    """Return the kernel's letter for what the main thread does: R runs, S waits, T is stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _group(pid: int) -> int:
    """Return the process's group; 0 if it has ended."""
    try:
        return os.getpgid(pid)
    except OSError:
        return 0


def _resident_kb(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except OSError:
        return 0
    return pages * (os.sysconf("SC_PAGE_SIZE") // 1024)
