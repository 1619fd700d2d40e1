"""Which objects are web applications, told by the shape of their call: docs/reference/web.md."""

import asyncio
import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.core import event_loop
from amazon_lambda_runtime.core.applications import kind_of
from amazon_lambda_runtime.core.errors import HandlerNotFound, MalformedHandlerName
from amazon_lambda_runtime.core.loading import load
from amazon_lambda_runtime.web import Web, settings


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...
def plain_asgi(scope: Any, receive: Any, send: Any) -> Any: ...
async def asgi_of_other_names(a: Any, b: Any, c: Any) -> None: ...
def wsgi(environ: Any, start_response: Any) -> Any: ...
def wsgi_of_other_names(env: Any, start_resp: Any) -> Any: ...
def handler(event: Any, context: Any) -> Any: ...
def handler_of_env(env: Any, context: Any) -> Any: ...
async def async_handler(event: Any, context: Any) -> Any: ...
def handler_with_more(event: Any, context: Any, more: Any = None) -> Any: ...
def anything(*arguments: Any, **named: Any) -> Any: ...
def three(event: Any, context: Any, more: Any) -> Any: ...


class Asgi:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class Wsgi:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class Slotted:
    """As Sentry's middleware does, it keeps what calls it in a slot."""

    __slots__ = ("__call__",)

    def __init__(self) -> None:
        self.__call__ = asgi


class Coded:
    """What it calls its code is none."""

    __code__ = 5

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class WsgiClass:
    """As in PEP 3333: to make one is to call the application."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...
    def __iter__(self) -> Any: ...


class AsgiClass:
    """As Starlette's endpoints."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...
    def __await__(self) -> Any: ...


class Middleware:
    """Made of an application, it is one; its class is none."""

    def __init__(self, app: Any, start_response: Any) -> None: ...


class Underscored:
    async def __call__(self, _scope: Any, _receive: Any, _send: Any) -> None: ...


@functools.wraps(asgi)
def wrapped_asgi(*arguments: Any) -> Any: ...


@functools.wraps(wsgi)
def wrapped_wsgi(env: Any, start: Any) -> Any: ...


def underscored_wsgi(_environ: Any, _start_response: Any) -> Any: ...


@functools.wraps(handler)
def wrapped_handler(*arguments: Any, **named: Any) -> Any: ...


def with_settings(settings: Any, environ: Any, start_response: Any) -> Any: ...


FOUND = {
    "an ASGI function": (asgi, "asgi"),
    "one that is not async": (plain_asgi, "asgi"),
    "one of other names": (asgi_of_other_names, "asgi"),
    "an ASGI object": (Asgi(), "asgi"),
    "an ASGI method": (Asgi().method, "asgi"),
    "one with its call in a slot": (Slotted(), "asgi"),
    "one with underscores": (Underscored(), "asgi"),
    "one behind a decorator": (wrapped_asgi, "asgi"),
    "a WSGI function": (wsgi, "wsgi"),
    "a WSGI function of other names": (wsgi_of_other_names, "wsgi"),
    "a WSGI function with underscores": (underscored_wsgi, "wsgi"),
    "a WSGI function behind a decorator of other names": (wrapped_wsgi, "wsgi"),
    "a WSGI object": (Wsgi(), "wsgi"),
    "a partial WSGI application": (functools.partial(with_settings, {}), "wsgi"),
    "a WSGI class": (WsgiClass, "wsgi"),
    "an ASGI class": (AsgiClass, "asgi"),
    "a class that only looks like one": (Middleware, ""),
    "a handler": (handler, ""),
    "one whose event is `env`": (handler_of_env, ""),
    "an async handler": (async_handler, ""),
    "one with an optional parameter": (handler_with_more, ""),
    "one that takes anything": (anything, ""),
    "one of three parameters": (three, ""),
    "one behind a decorator that takes anything": (wrapped_handler, ""),
    "a lambda": (lambda e, c: None, ""),
    "a builtin": (print, ""),
    "a class": (dict, ""),
    "an object with a code of its own": (Coded(), ""),
    "a partial handler": (functools.partial(three, more=1), ""),
}


@pytest.mark.parametrize("name", FOUND)
def test_kind(name: str) -> None:
    found, kind = FOUND[name]
    assert kind_of(found, "m.x") == kind


@pytest.mark.parametrize("name", FOUND)
def test_what_is_served_as_an_application(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, and nothing else: the shortcut for plain handlers misses none."""
    found, kind = FOUND[name]
    monkeypatch.setitem(sys.modules, "served_or_not", ModuleType("served_or_not"))
    vars(sys.modules["served_or_not"])["found"] = found
    served: list[Any] = []

    def serve(application: Any) -> Runtime:
        served.append(application)
        return Web(wsgi)

    load("served_or_not.found", serve)
    assert served == ([found] if kind else [])


# Module, what makes the application, and its kind. The first names the package to be installed.
FRAMEWORKS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "starlette": ("starlette.applications", lambda m: m.Starlette(), "asgi"),
    "fastapi": ("fastapi", lambda m: m.FastAPI(), "asgi"),
    "starlette's middleware": (
        "starlette.middleware.cors",
        lambda m: m.CORSMiddleware(asgi, allow_origins=["*"]),
        "asgi",
    ),
    "starlette's gzip": ("starlette.middleware.gzip", lambda m: m.GZipMiddleware(asgi), "asgi"),
    "litestar": ("litestar", lambda m: m.Litestar([]), "asgi"),
    "flask": ("flask", lambda m: m.Flask("x"), "wsgi"),
    "flask's own method": ("flask", lambda m: m.Flask("x").wsgi_app, "wsgi"),
    "falcon": ("falcon", lambda m: m.App(), "wsgi"),
    "falcon's ASGI": ("falcon.asgi", lambda m: m.App(), "asgi"),
    "werkzeug's proxy fix": (
        "werkzeug.middleware.proxy_fix", lambda m: m.ProxyFix(wsgi), "wsgi",
    ),
    "werkzeug's dispatcher": (
        "werkzeug.middleware.dispatcher", lambda m: m.DispatcherMiddleware(wsgi), "wsgi",
    ),
    "mangum": ("mangum", lambda m: m.Mangum(asgi), ""),
    "wsgiref's validator": ("wsgiref.validate", lambda m: m.validator(wsgi), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_framework(name: str) -> None:
    module, make, kind = FRAMEWORKS[name]
    pytest.importorskip(module)
    assert kind_of(make(importlib.import_module(module)), "m.x") == kind


def test_django() -> None:
    pytest.importorskip("django")
    asgi_handler = importlib.import_module("django.core.asgi").ASGIHandler
    wsgi_handler = importlib.import_module("django.core.wsgi").WSGIHandler

    assert kind_of(wsgi_handler.__new__(wsgi_handler), "m.x") == "wsgi"
    assert kind_of(asgi_handler.__new__(asgi_handler), "m.x") == "asgi"


def test_asgi_2() -> None:
    """It is refused with what to do."""

    class Two:
        def __init__(self, scope: Any) -> None: ...

    def two(scope: Any) -> Any:
        return Two(scope)

    with pytest.raises(HandlerNotFound, match=r"m\.x is an ASGI 2 application: wrap it with asgi"):
        kind_of(two, "m.x")


# A handler string

MODULE = """
from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.web import Web
MADE = []
async def app(scope, receive, send): ...
def wsgi(environ, start_response): return []
def handler(event, context): return 1
def create_app():
    MADE.append(1)
    return app
def create_with(config=None): return app
async def create_later(): return wsgi
def make_handler(): return handler
def make_runtime(): return H()
def job(): raise SystemExit("it ran")
def needs(settings): return app
class H(Runtime):
    def handler(self, event, context): return 2
class Site(Web):
    app = app
class Two:
    app = staticmethod(app)
site = Web(wsgi)
"""


def loaded(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Runtime, Any]:
    tmp_path.joinpath("shop.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "shop", raising=False)
    return load(name, Web)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("shop.app", Web),
        ("shop.wsgi", Web),
        ("shop.create_app()", Web),
        ("shop.create_later()", Web),
        ("shop.Site", Web),
        ("shop.site", Web),
        ("shop.Two.app", Web),
        ("shop.handler", Runtime),
        ("shop.make_handler()", Runtime),
        ("shop.make_runtime()", Runtime),
        ("shop.H", Runtime),
    ],
)
def test_handler_string(
    name: str, kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        runtime, handle = loaded(name, tmp_path, monkeypatch)
    finally:
        loop = event_loop._current()  # of an async factory: the runtime would adopt it
        if loop is not None:
            asyncio.set_event_loop(None)
            loop.close()
    assert isinstance(runtime, Web) == (kind is Web)
    assert callable(handle)
    if name == "shop.make_runtime()":
        assert handle({}, None) == 2


def test_factory_is_called_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded("shop.create_app()", tmp_path, monkeypatch)
    assert __import__("shop").MADE == [1]


@pytest.mark.parametrize(
    ("name", "problem", "told"),
    [
        (
            "shop.create_app",
            HandlerNotFound,
            "shop.create_app takes no event: write shop.create_ap",
        ),
        (
            "shop.create_with",
            HandlerNotFound,
            "shop.create_with takes no event: write shop.create_wi",
        ),
        (
            "shop.job",
            HandlerNotFound,
            r"takes no event: write shop.job\(\) if it makes the applica",
        ),
        (
            "shop.create_app(1)",
            MalformedHandlerName,
            "a factory is called without arguments: shop.",
        ),
        ("shop.create_app(", MalformedHandlerName, "a factory is called without arguments: shop.c"),
        ("shop:app", MalformedHandlerName, "Bad handler 'shop:app': write shop.app"),
        ("shop:create_app()", MalformedHandlerName, r"Bad handler 'shop:create_app': write shop.c"),
        ("shop.MADE()", HandlerNotFound, r"shop.MADE\(\) can't be called: shop.MADE is list"),
        ("shop.gone()", HandlerNotFound, "Handler 'gone' missing on module 'shop'"),
        ("shop.needs()", TypeError, "missing 1 required positional argument: 'settings'"),
    ],
)
def test_what_is_refused(
    name: str,
    problem: type[Exception],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is called that was not named: it may be a job."""
    with pytest.raises(problem, match=told):
        loaded(name, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("options", "problem", "told"),
    [
        ({"app": 5}, TypeError, r"Web\(\) takes an ASGI or WSGI application, not int"),
        ({"app": handler}, TypeError, r"Web\(\) takes an ASGI or WSGI application, not function"),
        ({}, TypeError, r"Web\(\) takes an ASGI or WSGI application, not NoneType"),
        ({"app": wsgi, "stream": "alb"}, ValueError, "stream is 'alb': expected url, rest, url,re"),
        ({"app": wsgi, "root_path": "api"}, ValueError, "root_path is 'api': expected a path that"),
        ({"app": wsgi, "lifespan": "maybe"}, ValueError, "lifespan is 'maybe': expected auto, on,"),
        ({"app": wsgi, "errors": "swallow"}, ValueError, "errors is 'swallow': expected answer, r"),
        ({"app": wsgi, "margin": -1}, ValueError, "margin is -1: expected 0 or more"),
        ({"app": wsgi, "proxies": "1"}, ValueError, "proxies is '1': expected 0 or more"),
        ({"app": wsgi, "text_types": "a/b"}, TypeError, "text_types is a str: expected a list"),
        ({"app": wsgi, "events": 5}, TypeError, "events is int: expected a Runtime, its class, o"),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, Any], problem: type[Exception], told: str
) -> None:
    with pytest.raises(problem, match=told):
        Web(**options)


@pytest.mark.parametrize(
    ("given", "root"),
    [("/", b""), ("/api/", b"/api"), ("/API/X//", b"/API/X"), ("/a b", b"/a%20b")],
)
def test_root_path_ends_without_a_slash(given: str, root: bytes) -> None:
    assert settings._root(given) == root


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LAMBDA_RUNTIME_WEB_STREAM", "yes", "LAMBDA_RUNTIME_WEB_STREAM is 'yes': expected url, r"),
        ("LAMBDA_RUNTIME_ROOT_PATH", "api", "LAMBDA_RUNTIME_ROOT_PATH is 'api': expected a path t"),
    ],
)
def test_variables_that_cannot_be(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=told):
        Web(wsgi)
