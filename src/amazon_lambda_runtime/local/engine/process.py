"""A program and its children: started, frozen, measured and ended together."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .reaper import Reaper

# In seconds: how long a program may take to go on after SIGCONT.
_WAKES_WITHIN = 1.0


class Process:
    """A program and everything that it starts, which is one process group."""

    def __init__(self, process: asyncio.subprocess.Process, reaper: Reaper) -> None:
        self._process = process
        self._reaper = reaper
        self.pid = process.pid
        self._status = -1
        with suppress(OSError):
            self._status = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
        self._peak_kb = 0
        reaper.watch(self.pid)

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
        process = await asyncio.create_subprocess_exec(
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
        return cls(process, reaper)

    async def wait(self) -> int:
        """Wait until the program has ended, kill the children that it left; return its code."""
        code = await self._process.wait()
        self._signal(signal.SIGKILL)
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
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop them, wherever they are (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

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
        """Return the memory that it and its children use now, in MB rounded up."""
        resident = _resident_kb(self.pid)
        self._peak_kb = max(self._peak_kb, resident)
        return -(-resident // 1024)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _state(pid: int) -> str:
    """Return the kernel's letter for what the main thread does: R runs, S waits, T is stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _resident_kb(pid: int) -> int:
    process = Path(f"/proc/{pid}")
    try:
        pages = int((process / "statm").read_bytes().split()[1])
        # The kernel lists children by the thread that has started them.
        children = b" ".join(thread.read_bytes() for thread in process.glob("task/*/children"))
    except OSError:
        return 0
    own = pages * (os.sysconf("SC_PAGE_SIZE") // 1024)
    return own + sum(_resident_kb(int(child)) for child in children.split())
