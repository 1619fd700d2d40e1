"""The command line of a benchmark: the file for its figures, and one line for what is wrong."""

import argparse
from pathlib import Path
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Has `--json FILE`."""

    def __init__(self, program: str, description: str | None) -> None:
        super().__init__(prog=program, description=description)
        self.add_argument(
            "--json", type=_writable, metavar="FILE", help="write the figures there as well"
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}\n")


def _writable(name: str) -> Path:
    """Refuse a file that can't be written, before minutes of measuring."""
    file = Path(name)
    was_there = file.exists()
    try:
        open(file, "a").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {name}: {error.strerror}") from None
    if not was_there:
        file.unlink()
    return file
