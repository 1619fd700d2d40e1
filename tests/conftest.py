"""For all tests: Ctrl-C works in their processes, and what is random has a seed that is shown."""

import os
import random
import signal

import pytest

from .harness import SEED


def pytest_configure() -> None:
    """Let SIGINT reach the processes of the tests, and fix the seed for all workers."""
    # Where a shell or a CI starts this in the background, SIGINT is ignored, and a process inherits
    # that. A handler is not inherited: the processes then have the default.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault(SEED, str(random.randrange(2**32)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how a run of long proofs is repeated."""
    terminalreporter.write_line(f"{SEED}={os.environ[SEED]} repeats what was chosen at random")
