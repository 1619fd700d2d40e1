"""A layer is decided by its files alone, and everyone may read it."""

import os
import stat
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_lambda_runtime.deploy.images import ImageError
from amazon_lambda_runtime.deploy.images.files import chosen, select
from amazon_lambda_runtime.deploy.images.model import ImageSpec
from amazon_lambda_runtime.deploy.images.native import layer
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.layer import Text

NAME = st.text("ab.é", min_size=1, max_size=3).filter(lambda name: name.strip("."))
TREES = st.dictionaries(
    st.lists(NAME, min_size=1, max_size=3).map(tuple),
    st.tuples(st.binary(max_size=50), st.booleans()),
    max_size=6,
).filter(
    # A file is no folder.
    lambda tree: not any(a != b and b[: len(a)] == a for a in tree for b in tree)
)


@settings(deadline=None, max_examples=30)
@given(TREES, st.randoms(use_true_random=False))
def test_same_files_same_bytes(tree: dict[tuple[str, ...], tuple[bytes, bool]], shuffle) -> None:  # type: ignore[no-untyped-def]
    """Order, time, owner and the modes for others do not matter; what is in the files does."""
    with tempfile.TemporaryDirectory() as directory:
        made = []
        for number in (1, 2):
            order = list(tree.items())
            shuffle.shuffle(order)
            sources = {}
            for parts, (content, executable) in order:
                path = Path(directory, str(number), *parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(shuffle.choice([0o700, 0o777] if executable else [0o600, 0o666]))
                os.utime(path, (number, number))
                sources["/".join(parts)] = path
            made.append(layer.make(sources, Cache(Path(directory, "cache"))))
        assert made[0] == made[1]
        texts = {
            "/".join(k): Text(content, executable) for k, (content, executable) in tree.items()
        }
        assert layer.make(texts, Cache(Path(directory, "cache"))) == made[0]
        file = Cache(Path(directory, "cache")).verified(made[0].digest, made[0].size)
        assert file is not None
        with tarfile.open(file) as tar:
            names = tar.getnames()
            assert len(names) == len(set(names))
            for entry in tar:
                assert entry.mode & stat.S_IROTH
                parent = entry.name.rpartition("/")[0]
                assert not parent or names.index(parent) < names.index(entry.name)
            for name, text in texts.items():
                read = tar.extractfile(name)
                assert read is not None
                assert read.read() == text.content


def test_links(tmp_path: Path) -> None:
    """A link within the project stays one, and a link out of it is refused."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a").touch()
    (folder / "link").symlink_to("data")
    found = chosen(folder)
    assert list(found) == ["data/a", "link"]
    made = layer.make(found, Cache(tmp_path / "cache"))
    file = Cache(tmp_path / "cache").blob(made.digest, made.size)
    assert file is not None
    with tarfile.open(file) as tar:
        assert tar.getmember("link").linkname == "data"
    (folder / "out").symlink_to("../elsewhere")
    with pytest.raises(
        ImageError, match=r"out is a link to \.\./elsewhere: in the image, there is"
    ):
        chosen(folder)


PROJECT = [
    "hello.py", "pkg/__init__.py", "pkg/data.json", "pkg/__pycache__/x.pyc", ".git/config",
    ".venv/bin/python", "tests/test_hello.py", "pkg/tests/fixture.json", ".env", "notes/a.md",
    "notes/keep.md", "notes/deep/b.md", "Dockerfile",
]  # fmt: skip


@pytest.mark.parametrize(
    ("ignore", "out"),
    [
        ("", []),
        ("# all\n\nnotes", ["notes/a.md", "notes/keep.md", "notes/deep/b.md"]),
        ("notes/*.md\n!notes/keep.md\n", ["notes/a.md"]),
        ("**/*.md", ["notes/a.md", "notes/keep.md", "notes/deep/b.md"]),
        ("*.py", ["hello.py"]),
        ("/notes/deep/", ["notes/deep/b.md"]),
        ("notes/[ab].md", ["notes/a.md"]),
        ("notes/?.md", ["notes/a.md"]),
        ("pkg/**", ["pkg/__init__.py", "pkg/data.json", "pkg/tests/fixture.json"]),
        ("!Dockerfile", []),
    ],
)
def test_dockerignore(ignore: str, out: list[str], tmp_path: Path) -> None:
    """The defaults leave out what no function needs; .dockerignore is followed as Docker does."""
    for name in PROJECT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text(ignore)
    os.mkfifo(tmp_path / "pipe")
    always = {"Dockerfile", PROJECT[3], PROJECT[4], PROJECT[5], PROJECT[6], PROJECT[8]}
    always -= {"Dockerfile"} if "!Dockerfile" in ignore else set()
    found = select(ImageSpec(tmp_path, "hello.handler")).files
    assert set(found) == set(PROJECT) - always - set(out)


def test_the_cache_is_its_owners(tmp_path: Path) -> None:
    """It has the files of the project in it, and other users of the machine cannot read them."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o755)
    made = layer.make({"a": Text(b"x")}, Cache(folder))
    file = Cache(folder).blob(made.digest, made.size)
    assert file is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_to_take(tmp_path: Path) -> None:
    """A folder that is not there, or has nothing for an image, is told."""
    with pytest.raises(ImageError, match="there is no folder"):
        chosen(tmp_path / "absent")
    with pytest.raises(ImageError, match="has no files for the image"):
        chosen(tmp_path, exclude=["*"])


def test_what_is_old_goes(tmp_path: Path) -> None:
    """What was not used for a month leaves the cache; what was, stays."""
    cache = Cache(tmp_path)
    made = layer.make({"a": Text(b"")}, cache)
    cache.remember("new", [1])
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))
    assert cache.facts("new") == [1]
    cache.tidy()
    assert cache.blob(made.digest, made.size) is None
    assert cache.facts("new") == [1]
    with cache.new_file() as file:
        pass
    assert not file.exists()


def test_a_large_file(tmp_path: Path) -> None:
    """It is read in pieces: a file of 700 MB needs no 700 MB of memory."""
    large = tmp_path / "model.bin"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        made = layer.make({"var/task/model.bin": large}, Cache(tmp_path / "cache"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20
    assert made.size < 1 << 20
