"""What a handler's source says of whether it is a durable function."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.project.durable_source import is_durable

SDK = "from aws_durable_execution_sdk_python import durable_execution\n"
OURS = "from amazon_lambda_runtime.durable import durable\n"

KNOWN = {
    f"{SDK}@durable_execution\ndef handler(event, context): ...": True,
    f"{SDK}@durable_execution(plugins=[])\ndef handler(event, context): ...": True,
    f"{SDK}handler = durable_execution(flow)": True,
    f"{SDK}handler: object = durable_execution(plugins=[])(flow)": True,
    f"{SDK}made = durable_execution(flow)\nhandler = made": True,
    "import aws_durable_execution_sdk_python as d\nhandler = d.durable_execution(flow)": True,
    "import aws_durable_execution_sdk_python.execution\n"
    "@aws_durable_execution_sdk_python.execution.durable_execution\n"
    "def handler(event, context): ...": True,
    "from aws_durable_execution_sdk_python import durable_execution as d\n"
    "@d\ndef handler(event, context): ...": True,
    f"{OURS}@durable\ndef handler(event, context): ...": True,
    "from amazon_lambda_runtime import durable\n"
    "@durable.durable\ndef handler(event, context): ...": True,
    f"{OURS}class A(Runtime):\n    @durable\n    def handler(self, event, context): ...": True,
    f"{OURS}class A(Runtime):\n    @durable(plugins=[])\n    def handler(self, e, c): ...": True,
    f"{OURS}class A(Runtime):\n    def flow(self, e, c): ...\n    handler = durable(flow)": True,
    f"{SDK}class A(Runtime):\n    def __init__(self):\n"
    "        self.handler = durable_execution(self.flow)": True,
    f"{OURS}class A(Runtime):\n    @durable\n    def handler(self, e, c): ...\n"
    "class B(A): ...\nhandler = B()": True,
    f"{OURS}class A(Runtime):\n    @durable\n    def handler(self, e, c): ...\n"
    "handler = A().handler": True,
    "from shop import handler": True,
    "import shop\nclass A(Runtime): ...\nhandler = shop.handler": True,
    "from shop import *": False,
    # The last one holds, and one that a condition decides is none.
    f"{SDK}def handler(event, context): ...\nhandler = durable_execution(handler)": True,
    f"{SDK}handler = durable_execution(flow)\ndef handler(event, context): ...": False,
    f"{SDK}if FLAG:\n    handler = durable_execution(flow)": False,
    f"{SDK}if FLAG:\n    from other import durable_execution\n"
    "handler = durable_execution(flow)": False,
    f"{OURS}from other import *\nclass A(Runtime):\n"
    "    @durable\n    def handler(self, event, context): ...": False,
    f"{SDK}handler = durable_execution(flow)\nif __name__ == '__main__':\n    handler = 1": True,
    "from gone import handler": False,
    "def handler(event, context): ...": False,
    f"{SDK}def handler(event, context): ...": False,
    f"{SDK}@other\ndef handler(event, context): ...": False,
    f"{SDK}def handler(event, context):\n    return durable_execution": False,
    f"{OURS}class A(Runtime):\n    @durable\n    def other(self, event, context): ...": False,
    f"{OURS}class A(Runtime):\n    @durable\n    def handler(self, e, c): ...\n"
    "class B(A):\n    def handler(self, e, c): ...\nhandler = B()": False,
    "def durable(f): return f\n@durable\ndef handler(event, context): ...": False,
    "handler = handler": False,
    "handler = handler()": False,
    "handler = handler()()": False,
    "handler = (": False,
    "": False,
}


@pytest.mark.parametrize("source", KNOWN)
def test_is_durable(source: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(source)
    (tmp_path / "shop.py").write_text(f"{SDK}handler = durable_execution(flow)")
    assert is_durable("main.handler", tmp_path) is KNOWN[source]


def test_where_it_is(tmp_path: Path) -> None:
    """In a module, in a package, in a class; relative imports are followed."""
    (tmp_path / "shop" / "flows").mkdir(parents=True)
    method = f"{OURS}class Order(Runtime):\n    @durable\n    def run(self, event, context): ..."
    (tmp_path / "shop" / "flows" / "__init__.py").write_text(method)
    (tmp_path / "shop" / "main.py").write_text("from .flows import Order\nfrom . import gone")
    # Python takes the package.
    (tmp_path / "shop" / "flows.py").write_text("def run(event, context): ...")
    for name in ("shop.flows.Order.run", "shop/main.Order.run", "shop.flows.run"):
        assert is_durable(name, tmp_path), name
    for name in ("shop.main.gone", "shop.flows.Order.handler", "gone.handler", "x"):
        assert not is_durable(name, tmp_path), name
