"""The command, with a wall clock that a test moves: CLOCK names a file with the seconds.

The monotonic clock stays as it is, as it does where somebody sets the time of a machine, or where a
virtual machine has been asleep.
"""

import datetime
import os
import sys
import time
from pathlib import Path
from typing import Any

_FILE = Path(os.environ["CLOCK"])
_time, _datetime = time.time, datetime.datetime


def _offset() -> float:
    return float(_FILE.read_text() or 0)


class _Datetime(_datetime):  # type: ignore[misc, valid-type]
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(time.time(), tz)


if __name__ == "__main__":
    time.time = lambda: _time() + _offset()
    datetime.datetime = _Datetime  # type: ignore[misc]
    from amazon_lambda_runtime.cli import main

    main(sys.argv[1:])
