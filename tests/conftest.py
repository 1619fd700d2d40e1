"""For all tests: what their processes inherit, and a seed for what is random, which is shown."""

import os
import random
import signal
import sys

import pytest

from .harness import SEED


def pytest_configure() -> None:
    """Let SIGINT reach the processes of the tests, let them keep what Python compiles, and fix the
    seed for all workers.
    """
    # Where a shell or a CI starts this in the background, SIGINT is ignored, and a process inherits
    # that. A handler is not inherited: the processes then have the default.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # And nohup has it ignore SIGHUP. This process goes on doing so.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    # The tests start thousands of interpreters. Each would compile anew what it imports, which is
    # more than half of their time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ.setdefault(SEED, str(random.randrange(2**32)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how a run of long proofs is repeated."""
    terminalreporter.write_line(f"{SEED}={os.environ[SEED]} repeats what was chosen at random")
