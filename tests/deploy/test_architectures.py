"""Functions of one project with different architectures: an image for each that is used."""

from dataclasses import dataclass, field

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.images import engines
from amazon_lambda_runtime.deploy.images.engines import Podman
from amazon_lambda_runtime.deploy.images.model import ImageError, ImageSpec
from amazon_lambda_runtime.deploy.plan import Progress
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Project
from amazon_lambda_runtime.project.errors import ConfigError

from .fake_aws import ACCOUNT, REGION
from .world import World

TWO = """
[tool.lambda-runtime]
repository = "orders"
[tool.lambda-runtime.functions.orders]
[tool.lambda-runtime.functions.bills]
[tool.lambda-runtime.functions.small]
architecture = "arm64"
"""
LETTERS = {"x86_64": "a", "arm64": "b"}


@dataclass
class Images:
    """A builder whose images differ by architecture, and that counts."""

    world: World
    known: bool = True
    done: list[str] = field(default_factory=list)

    def build(self, project: Project, progress: Progress) -> str | None:
        self.done.append(f"build {project.architecture}")
        return f"sha256:{LETTERS[project.architecture] * 64}" if self.known else None

    def push(self, site: Site, progress: Progress) -> str:
        self.done.append(f"push {site.project.architecture}")
        self.world.put_image(LETTERS[site.project.architecture])
        return f"sha256:{LETTERS[site.project.architecture] * 64}"


def live(world: World, name: str) -> tuple[str, str]:
    """Return the architecture and the image's letter of the version that is live."""
    found = world.client("lambda").get_function(FunctionName=name)["Configuration"]
    kept = world.door.keeper.functions[name]["Architectures"][0]
    return kept, found["CodeSha256"][0]


@pytest.mark.parametrize("known", [True, False])
def test_an_image_for_each_that_is_used(world: World, known: bool) -> None:
    """Built and pushed once each, whatever number of functions has it; then nothing is left."""
    images = Images(world, known)
    world.write(TWO)
    plan = deployment.plan(world.project(), world.aws(), world.told, builder=images)
    made = [step.action for step in plan.steps if step.part == "image"]
    assert made == ["create", "update"] * 2
    images.done.clear()
    deployment.deploy(world.project(), world.aws(), world.told, builder=images)
    assert images.done == ["build arm64", "push arm64", "build x86_64", "push x86_64"]
    assert live(world, "orders") == live(world, "bills") == ("x86_64", "a")
    assert live(world, "small") == ("arm64", "b")
    images.known = True
    plan = deployment.plan(world.project(), world.aws(), world.told, builder=images)
    assert plan.steps == ()
    assert deployment.drift(world.project(), world.aws(), world.told).steps == ()
    images.done.clear()
    deployment.deploy(world.project(function="small"), world.aws(), world.told, builder=images)
    assert images.done == ["build arm64"]


def test_one_function_changes_its_architecture(world: World) -> None:
    """Only it is released anew, with the image that is there."""
    images = Images(world)
    world.write(TWO)
    deployment.deploy(world.project(), world.aws(), world.told, builder=images)
    world.write(TWO.replace("functions.bills]", 'functions.bills]\narchitecture = "arm64"'))
    plan = deployment.plan(world.project(), world.aws(), world.told, builder=images)
    change = f"architecture x86_64 → arm64; image {'a' * 12} → {'b' * 12}"
    assert [str(step) for step in plan.steps] == [
        f"update code of function bills: {change}",
        f"update alias bills:live: version 1 is not what is wanted: {change}",
    ]
    deployment.deploy(world.project(), world.aws(), world.told, builder=images)
    assert live(world, "bills") == ("arm64", "b")


def test_image_uri_is_for_one(world: World) -> None:
    """An image of the registry has one architecture."""
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/orders@sha256:{'a' * 64}"
    world.write(TWO.replace("[tool.lambda-runtime]", f'[tool.lambda-runtime]\nimage_uri = "{uri}"'))
    with pytest.raises(ConfigError, match=r"image_uri is one image.* for arm64 and x86_64"):
        world.project()


def test_what_cannot_be_built_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Dockerfile that runs something of a foreign architecture: what helps is said."""

    def fail(command: list[str], *_: object, **__: object) -> str:
        raise ImageError("podman build failed with status 1: /bin/sh: exec format error")

    monkeypatch.setattr(engines, "run", fail)
    (world.folder / "orders.py").write_text("def handler(event, context): return 1\n")
    (world.folder / "Dockerfile").write_text("FROM scratch\n")
    spec = ImageSpec(world.folder, "orders.handler", "arm64", world.folder / "Dockerfile")
    with pytest.raises(ImageError, match=r'cannot run programs for arm64.*qemu.*engine = "native"'):
        Podman().build(spec)
