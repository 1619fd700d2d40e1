"""What a handler's source says of whether it is a web application."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.checks import web
from amazon_lambda_runtime.project.handler_names import default_handler, handlers_in, suggestion
from amazon_lambda_runtime.project.settings import load
from amazon_lambda_runtime.project.web_source import applications_in, is_web

KNOWN = {
    "from fastapi import FastAPI\napp = FastAPI()": True,
    "import fastapi\napp = fastapi.FastAPI(title='x')": True,
    "import fastapi as f\napp = f.FastAPI()": True,
    "from starlette.applications import Starlette as S\napp: S = S()": True,
    "import starlette.applications\napp = starlette.applications.Starlette()": True,
    "from flask import Flask\napp = Flask(__name__)": True,
    "import falcon.asgi\napp = falcon.asgi.App()": True,
    "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()": True,
    "from amazon_lambda_runtime.web import Web\napp = Web(other)": True,
    "from amazon_lambda_runtime import web\napp = web.Web(other)": True,
    "from amazon_lambda_runtime.web import Web\nclass app(Web): ...": True,
    "from amazon_lambda_runtime.web import Web\nclass A(Web): ...\nclass B(A): ...\napp = B": True,
    "async def app(scope, receive, send): ...": True,
    "def app(environ, start_response): ...": True,
    "def app(_env, start_resp): ...": True,
    "from flask import Flask\nother = Flask('x')\napp = other": True,
    "def app(event, context): ...": False,
    "async def app(event, context): ...": False,
    "def app(env, context): ...": False,
    # A doubt.
    "from fastapi import FastAPI\napp = FastAPI()\napp = wrapped(app)": None,
    "from shop import app": True,
    "import shop\napp = shop.app": True,
    "import shop\nclass app(shop.Site): ...": True,
    "from shop import Site\napp = Site(other)": True,
    "from shop import app\nfrom fastapi import FastAPI\napp = FastAPI()": True,
    "from gone import app": None,
    "from fastapi import FastAPI\napp = FastAPI()\ndef app(event, context): ...": False,
    "app = make()": None,
    "def FastAPI(): ...\napp = FastAPI()": None,
    "@wraps\ndef app(environ, start_response): ...": None,
    "class app(Runtime): ...": None,
    "app = app": None,
    "if True:\n    def app(event, context): ...": None,
    "app = (": None,
    "": None,
}


@pytest.mark.parametrize("source", KNOWN)
def test_is_web(source: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(source)
    (tmp_path / "shop.py").write_text(
        "from amazon_lambda_runtime.web import Web\nclass Site(Web): ...\napp = Site(other)"
    )
    assert is_web("main.app", tmp_path) is KNOWN[source]


@pytest.mark.parametrize("source", [source for source in KNOWN if "shop" not in source])
def test_applications_in(source: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(source)
    assert applications_in(tmp_path / "main.py").count("app") == (KNOWN[source] is True)


def test_imported_application_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from shop import app\nother = app")
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask('shop')")
    assert applications_in(tmp_path / "main.py") == ["other"]


def test_factory(tmp_path: Path) -> None:
    """What a factory returns is told by no name, whatever the factory looks like."""
    (tmp_path / "main.py").write_text("def app(environ, start_response): ...")
    assert is_web("main.app()", tmp_path) is None


def test_where_it_is(tmp_path: Path) -> None:
    """In a module, in a package, in a folder; what is not there tells nothing."""
    (tmp_path / "shop" / "web").mkdir(parents=True)
    source = "def app(environ, start_response): ..."
    (tmp_path / "shop" / "web" / "__init__.py").write_text(source)
    (tmp_path / "shop" / "main.py").write_text(source)
    for name in ("shop.web.app", "shop.main.app", "shop/main.app"):
        assert is_web(name, tmp_path) is True
    assert is_web("shop.gone.app", tmp_path) is None
    assert is_web("shop.main.create_app()", tmp_path) is None
    assert applications_in(tmp_path / "gone.py") == []


def test_factory_is_no_misspelling(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("def create_app(): ...")
    assert suggestion(file, "create_app()") is None
    assert suggestion(file, "creat_app()") == (
        "main.py has no 'creat_app'. Did you mean main.create_app?"
    )


WEB = "from amazon_lambda_runtime.web import Web\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from fastapi import FastAPI\napi = FastAPI()", "api"),
        ("from fastapi import FastAPI\na = FastAPI()\nb = FastAPI()", "handler"),
        (f"{WEB}def inner(environ, start_response): ...\napp = Web(inner)", "app"),
        (f"{WEB}class Site(Web): concurrency = 'threads'\napp = Site(inner)", "app"),
        (f"{WEB}class Site(Web): app = inner", "handler"),
        (f"{WEB}class Orders(Runtime): ...\napp = Web(inner)", "handler"),
        (
            "from fastapi import FastAPI\napi = FastAPI()\ndef handler(event, context): ...",
            "handler",
        ),
        (
            "from fastapi import FastAPI\napi = FastAPI()\ndef lambda_handler(event, context): ...",
            "lambda_handler",
        ),
    ],
)
def test_handler_of_a_file(source: str, name: str, tmp_path: Path) -> None:
    """A file's only application is its handler, if it has no other."""
    (tmp_path / "main.py").write_text(source)
    assert default_handler(tmp_path, "main.py") == f"main.{name}"


def test_file_of_several_applications(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("from flask import Flask\nshop = Flask('a')\nadmin = Flask('b')\n")
    told = "main.py has 2 web applications: choose main.shop or main.admin"
    assert suggestion(file, "handler") == told
    assert suggestion(file, "shop") is None


def test_file_of_one_application(tmp_path: Path) -> None:
    """There is nothing to choose: it is not offered for a name that is not near."""
    file = tmp_path / "main.py"
    file.write_text("from flask import Flask\nshop = Flask('a')\n")
    assert suggestion(file, "handler") is None


def test_files_with_functions(tmp_path: Path) -> None:
    """A function counts by its name."""
    (tmp_path / "main.py").write_text("def helper(): ...\n")
    assert handlers_in(tmp_path) == []
    (tmp_path / "main.py").write_text("def helper(): ...\ndef handler(event, context): ...\n")
    assert handlers_in(tmp_path) == ["main.py"]


def test_files_of_a_folder(tmp_path: Path) -> None:
    """`init` adopts an application as it does a handler."""
    (tmp_path / "main.py").write_text("from flask import Flask\napp = Flask('x')\n")
    (tmp_path / "models.py").write_text("class Order: ...\n")
    assert handlers_in(tmp_path) == ["main.py"]


# What it is for

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
URL = '[[tool.lambda-runtime.triggers]]\ntype = "url"\nmode = "RESPONSE_STREAM"\n'


def variables(folder: Path, source: str, table: str) -> dict[str, str]:
    (folder / "main.py").write_text(source)
    (folder / "pyproject.toml").write_text(f'[tool.lambda-runtime]\nmodule = "main.py"\n{table}')
    return dict(load(folder, None, {}).functions[0].environment)


@pytest.mark.parametrize(
    ("source", "table", "expected"),
    [
        (APP, URL, "url"),
        (APP, f'handler = "main.app"\n{URL}', "url"),
        (APP, URL.replace("RESPONSE_STREAM", "BUFFERED"), None),
        (APP, "", None),
        ("def handler(event, context): ...", URL, None),
        ("from shop import handler", URL, None),
        ("from shop import handler", f"web = true\n{URL}", "url"),
        (APP, f"web = false\n{URL}", None),
        (APP, f'environment = {{ LAMBDA_RUNTIME_WEB_STREAM = "no" }}\n{URL}', "no"),
    ],
)
def test_variable_of_a_url_that_streams(
    source: str, table: str, expected: str | None, tmp_path: Path
) -> None:
    """An application is told by it; what the table says itself stays."""
    found = variables(tmp_path, source, table)
    assert found.get("LAMBDA_RUNTIME_WEB_STREAM") == expected


ALB = '[[tool.lambda-runtime.triggers]]\ntype = "alb"\ntarget_group = "web"\n'


@pytest.mark.parametrize(
    ("source", "table", "expected"),
    [
        (APP, URL, []),
        (APP, "", ["no-door"]),
        (APP, ALB, ["single-value-headers"]),
        (APP, f"{ALB}multi_value_headers = true\n", []),
        ("from shop import handler", URL, ["web-unknown"]),
        ("from shop import handler", f"web = false\n{URL}", []),
        ("from shop import handler", "", []),
        ("def handler(event, context): ...", "", []),
    ],
)
def test_doctor(source: str, table: str, expected: list[str], tmp_path: Path) -> None:
    variables(tmp_path, source, table)
    assert [each.check for each in web.declared(load(tmp_path, None, {}))] == expected
