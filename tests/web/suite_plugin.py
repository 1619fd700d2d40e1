"""A plugin of pytest for a framework's own tests: its applications stand behind a front door.

`-p tests.web.suite_plugin`; the variables SUITE and DOOR say which, STREAM whether it streams.
"""

import importlib
import os
from typing import Any

from _pytest import monkeypatch

from . import roundtrip

DOOR = os.environ.get("DOOR", "")
STREAM = os.environ.get("STREAM") == "1"


def pytest_configure() -> None:
    # Flask's tests want a name that newer releases of pytest have no longer.
    vars(monkeypatch).setdefault("notset", vars(monkeypatch).get("NOTSET"))
    if DOOR:
        {"flask": _flask, "httpbin": _httpbin, "starlette": _starlette}[os.environ["SUITE"]]()


def _httpbin() -> None:
    httpbin = importlib.import_module("httpbin")

    httpbin.app.wsgi_app = roundtrip.wsgi(httpbin.app.wsgi_app, DOOR, STREAM)


def _flask() -> None:
    import flask

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        return roundtrip.wsgi(self.wsgi_app, DOOR, STREAM)(environ, start_response)

    flask.Flask.__call__ = call  # type: ignore[method-assign]


def _starlette() -> None:
    from starlette.testclient import TestClient

    made = TestClient.__init__

    def init(self: Any, app: Any, *arguments: Any, **named: Any) -> None:
        errors = "raise" if named.get("raise_server_exceptions", True) else "answer"
        made(self, roundtrip.asgi(app, DOOR, STREAM, errors), *arguments, **named)

    TestClient.__init__ = init  # type: ignore[method-assign]
