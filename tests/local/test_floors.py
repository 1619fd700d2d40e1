"""The floors inside `local`: engine without HTTP, APIs above it, the server on top."""

import pytest

from tests.test_laws import FILES, imported

# What a part of `local` may import of `local`, besides itself.
FLOORS = {
    "closing": set(),
    "host_check": set(),
    "http": set(),
    "http_server": {"closing", "http"},
    "engine": {"closing"},
    "api": {"engine", "host_check", "http"},
    "services": {"host_check"},
    "invoker": {"closing", "engine"},
    "queues": {"closing", "engine", "services"},
    "streams": {"closing", "engine", "queues", "services"},
    "durable": {"api", "closing", "engine", "http"},
    "server": {
        "api",
        "closing",
        "durable",
        "engine",
        "host_check",
        "http",
        "http_server",
        "invoker",
        "queues",
    },
    "triggers": {"closing", "engine", "invoker", "queues", "server", "services", "streams"},
    "in_image": {"engine", "server"},
}  # fmt: skip


def part_of(name: str) -> str:
    return name.split(".")[1]


LOCAL = [name for name in FILES if name.startswith("local.")]


def test_every_part_has_a_floor() -> None:
    """A new file of `local` says which floor it stands on."""
    assert {part_of(name) for name in LOCAL} == set(FLOORS)


@pytest.mark.parametrize("name", LOCAL)
def test_floors(name: str) -> None:
    """Law 1, inside `local`: a part imports only lower ones, annotations counted."""
    part = part_of(name)
    for other in imported(FILES[name], annotations=True):
        if other.startswith("local."):
            assert part_of(other) in {part, *FLOORS[part]}, f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in LOCAL if part_of(name) == "engine"])
def test_engine_knows_no_paths(name: str) -> None:
    """No file of the engine names a path of an API."""
    assert "/20" not in FILES[name].read_text().replace("https://docs.aws.amazon.com", "")
