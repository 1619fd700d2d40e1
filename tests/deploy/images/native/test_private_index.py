"""Packages of a private index: its credentials are found where people keep them, and not told."""

import base64
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.images import ImageError, ImageSpec, dependencies
from amazon_lambda_runtime.deploy.images.native import wheels
from tests.deploy.images.conftest import make_wheel

from .test_installers import SAME, install, installer, spec

__all__ = ["installer", "spec"]
USER, PASSWORD = "me", "s3cret"


@dataclass
class Index:
    """An index on loopback that wants to know who asks."""

    folder: Path
    address: str = ""
    asked: list[bool] = field(default_factory=list)

    def url(self, password: str = PASSWORD) -> str:
        return f"http://{USER}:{password}@{self.address}/simple"

    @property
    def bare(self) -> str:
        return f"http://{self.address}/simple"


class _Handler(BaseHTTPRequestHandler):
    index: Index

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == wanted
        self.index.asked.append(known)
        name = self.path.rstrip("/").rpartition("/")[2]
        file = self.index.folder / name
        status, content = 404, b"no such package"
        if not known:
            status, content = 401, b"who are you?"
        elif file.is_file():
            status, content = 200, file.read_bytes()
        elif name == "private":
            status, content = 200, self._page()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.send_error(405)

    def _page(self) -> bytes:
        files = (file.name for file in self.index.folder.iterdir())
        return "".join(f'<a href="/files/{name}">{name}</a>\n' for name in files).encode()

    def log_message(self, *arguments: Any) -> None:
        """Be quiet."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "UV_INDEX",
                 "UV_DEFAULT_INDEX", "NETRC", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "packages").mkdir()
    found = Index(tmp_path / "packages")
    make_wheel(found.folder, "private", {"private.py": ""})
    (tmp_path / "requirements.txt").write_text("private\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": found}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def of_variable(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url())


def of_configuration(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url()}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))


def of_netrc(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".netrc"
    file.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("PIP_INDEX_URL", index.bare)


def of_requirements(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", PASSWORD)
    url = index.url("${TOKEN}")
    (tmp_path / "requirements.txt").write_text(f"--index-url {url}\nprivate\n")


@pytest.mark.parametrize(
    "kept", [of_variable, of_configuration, of_netrc, of_requirements], ids=lambda f: f.__name__
)
def test_where_credentials_are_kept(
    installer: str,
    spec: ImageSpec,
    index: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: Any,
) -> None:
    """In a variable, in pip's configuration, in .netrc, in requirements.txt by a variable."""
    kept(index, tmp_path, monkeypatch)
    assert "private.py" in install(spec, SAME)
    assert index.asked[-1]
    # What is packed with the packages tells nothing of it.
    packed = [file for file in (tmp_path / "installed").rglob("*") if file.is_file()]
    assert not [file for file in packed if PASSWORD.encode() in file.read_bytes()]


def test_through_a_proxy(
    installer: str, spec: ImageSpec, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index whose name only a proxy knows: what stands for it here is the proxy, too."""
    url = index.url().replace(index.address, "index.example")
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.example")  # it has no https
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://{index.address}")
    assert "private.py" in install(spec, SAME)
    assert index.asked[-1]


def test_wrong_credentials(
    installer: str, spec: ImageSpec, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, that does not have the password."""
    monkeypatch.setenv("PIP_INDEX_URL", index.url("wr0ng"))
    with pytest.raises(ImageError) as caught:
        install(spec, SAME)
    said = str(caught.value)
    assert said.startswith(f"{installer} cannot install the packages for Python")
    assert "401" in said or "credentials" in said
    assert "wr0ng" not in said
    assert "\n" not in said


def test_a_wheel_for_musl(installer: str, spec: ImageSpec, tmp_path: Path) -> None:
    """It would not load in an image with glibc: it is refused in a line that says which image."""
    links = tmp_path / "links"
    made = make_wheel(links, "alpine", {"alpine.py": ""})
    name = "alpine-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
    made.rename(links / name)
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links links\nalpine\n")
    with pytest.raises(ImageError) as caught:
        install(spec, SAME)
    assert "(glibc 2.41)" in str(caught.value)
    assert "musl" in str(caught.value)
    (tmp_path / "requirements.txt").write_text(f"./links/{name}\n")
    with pytest.raises(ImageError) as caught:
        install(spec, SAME)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_workspace(spec: ImageSpec, tmp_path: Path) -> None:
    """The function is a member of one, and another member is built as it is now."""
    command = dependencies.uv()
    if command is None:
        pytest.skip("there is no uv")
    root, member = tmp_path / "shop", tmp_path / "shop" / "libs" / "common"
    (root / "orders").mkdir(parents=True)
    (member / "backend").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["orders", "libs/*"]\n')
    (root / "orders" / "pyproject.toml").write_text(
        '[project]\nname = "orders"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["common"]\n'
        "[tool.uv]\npackage = false\n[tool.uv.sources]\ncommon = { workspace = true }\n"
    )
    (member / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "make"\nbackend-path = ["backend"]\n'
        '[project]\nname = "common"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    )
    (member / "backend" / "make.py").write_text(
        "import shutil, pathlib\n"
        "def build_wheel(folder, *_):\n"
        "    return pathlib.Path(shutil.copy('w/common-1.0-py3-none-any.whl', folder)).name\n"
    )
    (member / "w").mkdir()
    make_wheel(member / "w", "common", {"common.py": "A = 1"})
    subprocess.run([command, "lock", "--offline", "-q"], cwd=root, check=True)
    orders = replace(spec, folder=root / "orders")
    assert "common.py" in install(orders, SAME)

    def key() -> str:
        return wheels.key(orders, dependencies.declared(orders), SAME, "")

    before = key()
    assert key() == before
    make_wheel(member / "w", "common", {"common.py": "A = 2"})
    assert key() != before
