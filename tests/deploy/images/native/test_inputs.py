"""What the layer of packages depends on: the content of what is installed from a path, too."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import dependencies
from amazon_lambda_runtime.deploy.images.model import ImageSpec
from amazon_lambda_runtime.deploy.images.native import wheels


@pytest.mark.parametrize(
    "line", ["./libs/mylib", "-e ./libs/mylib", "mylib @ file:./libs/mylib", "./libs/mylib[x] ; a"]
)
def test_a_local_folder(tmp_path: Path, line: str) -> None:
    """Its files count, wherever the command runs from; what a build leaves behind does not."""
    library = tmp_path / "libs" / "mylib"
    library.mkdir(parents=True)
    (library / "mylib.py").write_text("ANSWER = 1")
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    (tmp_path / "app.py").write_text("")

    spec = ImageSpec(tmp_path, "app.handler", runtime="r")

    def found() -> list[tuple[str, bytes]]:
        return [*wheels.inputs(spec, dependencies.declared(spec))]

    before = found()
    assert ("mylib/mylib.py", b"ANSWER = 1") in before
    (library / "build").mkdir()
    (library / "build" / "left.py").write_text("")
    (library / "mylib.egg-info").mkdir()
    (library / "mylib.egg-info" / "PKG-INFO").write_text("")
    assert found() == before
    (library / "mylib.py").write_text("ANSWER = 2")
    assert found() != before
