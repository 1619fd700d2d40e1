"""The log in a terminal and in a pipe."""

import io

import pytest

from amazon_lambda_runtime.cli.local.log_lines import printer

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestPipe:
    def test_plain(self) -> None:
        """
        In a pipe a line is printed as it is; the lines of one record are lines again.
        """
        stream = io.StringIO()
        log = printer(stream)
        log("[ERROR] one\rtwo", ID)
        log("of no invocation")
        assert stream.getvalue() == "[ERROR] one\ntwo\nof no invocation\n"


class TestTerminal:
    def test_request_id(self) -> None:
        """
        Each line of an invocation begins with its request id, those of a record too.
        """
        stream = Terminal()
        log = printer(stream)
        log("one\rtwo", ID)
        log("of no invocation")
        first, second, third = stream.getvalue().splitlines()
        assert first == "\033[36m8476a536\033[0m one"
        assert second == "\033[36m8476a536\033[0m two"
        assert third == "of no invocation"

    @pytest.mark.parametrize(
        ("line", "colour"),
        [
            ("START RequestId: x Version: $LATEST", "\033[2m"),
            ("END RequestId: x", "\033[2m"),
            ("REPORT RequestId: x\tDuration: 1.00 ms", "\033[2m"),
            ("REPORT RequestId: x\tStatus: timeout", "\033[31m"),
            ("2026-01-01T00:00:00Z x Task timed out after 3.00 seconds", "\033[31m"),
            ("[ERROR] ValueError: no", "\033[31m"),
            ("Traceback (most recent call last):", "\033[31m"),
            ("[WARNING] hm", "\033[33m"),
            ("[DEBUG] detail", "\033[2m"),
        ],
    )
    def test_colours(self, line: str, colour: str) -> None:
        """
        What is Lambda's stands back, what went wrong stands out.
        """
        stream = Terminal()
        printer(stream)(line)
        assert stream.getvalue() == f"{colour}{line}\033[0m\n"

    def test_own_lines_are_plain(self) -> None:
        """
        What the function prints is as it is.
        """
        stream = Terminal()
        printer(stream)("hello")
        assert stream.getvalue() == "hello\n"
