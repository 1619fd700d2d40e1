"""One AWS for the session, an empty account for each test; and when the slow tier is run."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import botocore.session
import pytest

from .fake_aws import REGION, StandIn
from .world import BASIC, World

SLOW = Path(__file__).parent / "slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the slow tier unless `-m deploy` or a path in it asks for it."""
    if collection_path != SLOW or config.getoption("markexpr") == "deploy":
        return None
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(SLOW) for path in asked) else True


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """All sessions share the models of services. To read them is most of what a client takes."""
    with pytest.MonkeyPatch.context() as patch:
        loaders = lru_cache(botocore.session.create_loader)
        patch.setattr(botocore.session, "create_loader", loaders)
        yield


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """moto's server and the door before it."""
    server = StandIn()
    yield server
    server.stop()


def empty(stand_in: StandIn, path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an empty account, and a project folder."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name in ("REGION", "FUNCTION_NAME", "QUEUE_NAME"):
            monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": stand_in.door.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": str(path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    stand_in.reset()
    folder = path / "project"
    folder.mkdir()
    (folder / "policies").write_text(f"# logs\n{BASIC}\n")
    (folder / "payload.json").write_text("{}")
    return World(stand_in, folder)


@pytest.fixture
def world(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty account, and a project folder."""
    return empty(stand_in, tmp_path, monkeypatch)
