"""What the code of a handler says of partial failures, without being run."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.project.handler_source import partial_failures

START = "from amazon_lambda_runtime.events import EventRuntime\n"
APP = "class App(EventRuntime):\n    partial_failures = True\n"


@pytest.mark.parametrize(
    ("source", "handler", "expected"),
    [
        (APP, "m.handler", True),
        (APP, "m.App", True),
        (APP, "m.App.handler", True),
        (APP + "app = App()\n", "m.app", True),
        (APP + "app: EventRuntime = App()\n", "m.app", True),
        (APP + "handler = App().handler\n", "m.handler", True),
        (APP + "app = App(partial_failures=False)\n", "m.app", False),
        (APP + "class Sub(App):\n    pass\n", "m.Sub", True),
        (APP + "class Sub(App):\n    partial_failures: bool = False\n", "m.Sub", False),
        ("app = EventRuntime()\n", "m.app", False),
        ("app = EventRuntime(partial_failures=True)\n", "m.app", True),
        ("app = EventRuntime(partial_failures=FLAG)\n", "m.app", None),
        ("app = EventRuntime(**OPTIONS)\n", "m.app", None),
        ("class App(EventRuntime):\n    pass\n", "m.handler", False),
        ("class App(EventRuntime):\n    partial_failures = FLAG\n", "m.App", None),
        ("class App(EventRuntime):\n    partial_failures = 1\n", "m.App", None),
        (
            "class App(EventRuntime):\n    def __init__(self, **options):\n"
            "        super().__init__(partial_failures=True, **options)\n",
            "m.App",
            True,
        ),
        (
            "class App(EventRuntime):\n    def __init__(self):\n"
            "        self.partial_failures = True\n",
            "m.App",
            True,
        ),
        (
            "class App(EventRuntime):\n    partial_failures = False\n    def __init__(self):\n"
            "        self.partial_failures = True\n",
            "m.App",
            None,
        ),
        ("if FLAG:\n    app = EventRuntime()\nelse:\n    app = None\n", "m.app", None),
        ("try:\n    def app(): ...\nexcept E: ...\n", "m.app", None),
        ("app = EventRuntime()\napp = EventRuntime(partial_failures=True)\n", "m.app", True),
        ("def handler(event, context): ...\n" + APP, "m.handler", None),
        ("async def handler(event, context): ...\n" + APP, "m.handler", None),
        (APP + "class Other(EventRuntime): ...\n", "m.handler", None),
        ("class Plain:\n    partial_failures = True\n", "m.Plain", None),
        ("class Plain(Missing): ...\n", "m.Plain", None),
        ("app = 7\n", "m.app", None),
        ("app = app2\napp2 = app\n", "m.app", None),
        ("app = app.handler\n", "m.app", None),
        ("class A(B): ...\nclass B(A): ...\n", "m.A", None),
        ("app = make()()\n", "m.app", None),
        ("app = make()[0].handler\n", "m.app", None),
        ("app = other.thing()\n", "m.app", None),
        ("app, *rest = things()\n", "m.app", None),
        ("x: int\n" + APP, "m.handler", True),
        ("if FLAG:\n    class App(EventRuntime): ...\n", "m.App", None),
        ("if FLAG:\n    class App(EventRuntime): ...\n", "m.handler", None),
        (APP + "if FLAG:\n    class App(EventRuntime): ...\n", "m.App", None),
        ("if FLAG:\n    class App(EventRuntime): ...\n" + APP, "m.App", True),
        (APP + "if FLAG:\n    def handler(event, context): ...\n", "m.handler", None),
        (APP + "if FLAG:\n    async def handler(event, context): ...\n", "m.handler", None),
        (APP + "if FLAG:\n    from other import App\n", "m.App", None),
        (APP + "if FLAG:\n    from other import handler\n", "m.handler", None),
        ("if FLAG:\n    from other import EventRuntime\napp = EventRuntime()\n", "m.app", None),
        ("from other import handler\n" + APP, "m.handler", None),
        ("import other as handler\n" + APP, "m.handler", None),
        ("if FLAG:\n    class Other:\n        def handler(self): ...\n" + APP, "m.handler", True),
        ("import handler.other\n" + APP, "m.handler", None),
        ("from other import *\n" + APP, "m.handler", None),
        ("from other import *\n" + APP, "m.App", True),
        ("", "m.handler", None),
        (APP, "m.App.handler.more", None),
        (APP, "other.handler", None),
        (APP, "m", None),
    ],
)
def test_one_module(source: str, handler: str, expected: bool | None, tmp_path: Path) -> None:
    """It is said plainly, or it is not told."""
    tmp_path.joinpath("m.py").write_text(START + source)
    assert partial_failures(handler, tmp_path) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import amazon_lambda_runtime.events\n"
            "app = amazon_lambda_runtime.events.EventRuntime()",
            False,
        ),
        ("import amazon_lambda_runtime.events as ev\napp = ev.EventRuntime()", False),
        ("from amazon_lambda_runtime import events\napp = events.EventRuntime()", False),
        ("from amazon_lambda_runtime.events import EventRuntime as E\napp = E()", False),
        (
            "from amazon_lambda_runtime.events.runtime import EventRuntime as E\napp = E()",
            False,
        ),
        ("from elsewhere import EventRuntime\napp = EventRuntime()", None),
        ("from amazon_lambda_runtime import Runtime\nclass app(Runtime): ...", None),
    ],
)
def test_ways_to_import(source: str, expected: bool | None, tmp_path: Path) -> None:
    """EventRuntime is known under whatever name."""
    tmp_path.joinpath("m.py").write_text(source)
    assert partial_failures("m.app", tmp_path) is expected


@pytest.mark.parametrize(
    ("importing", "expected"),
    [
        ("from shop.base import App\n", True),
        ("from .base import App\n", True),
        ("from . import base\nclass App(base.App): ...\n", True),
        ("from shop import base\nclass App(base.App): ...\n", True),
        ("import shop.base\nclass App(shop.base.App): ...\n", True),
        ("import shop.base as b\nclass App(b.App): ...\n", True),
        ("from shop import App\n", True),
        ("from .. import App\n", None),
        ("from .missing import App\n", None),
        ("from .broken import App\n", None),
    ],
)
def test_other_modules(importing: str, expected: bool | None, tmp_path: Path) -> None:
    """A base in another module of the function's is followed; in a library it is not."""
    package = tmp_path / "shop"
    package.mkdir()
    package.joinpath("__init__.py").write_text("from .base import App\n")
    package.joinpath("base.py").write_text(START + APP)
    package.joinpath("broken.py").write_text("class (")
    package.joinpath("m.py").write_text(importing + "app = App()\n")
    for handler in ("shop/m.app", "shop.m.app"):
        assert partial_failures(handler, tmp_path) is expected


def test_nothing_is_run(tmp_path: Path) -> None:
    """The module is read only."""
    tmp_path.joinpath("m.py").write_text("raise SystemExit\n" + START + APP)
    assert partial_failures("m.App", tmp_path) is True
