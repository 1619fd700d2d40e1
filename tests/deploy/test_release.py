"""Versions, the alias, rollback, and what a clean-up may take."""

import datetime
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Plan
from amazon_lambda_runtime.deploy.resources import cleanup, release
from amazon_lambda_runtime.deploy.resources import repository as repository_of

from .canned import OUR_TAGS, Canned, refused, site
from .fake_aws import ACCOUNT, REGION, Fault
from .world import ONE, World


def deploy(world: World, *letters: str) -> None:
    for letter in letters:
        world.images.letter = letter
        world.deploy()


def test_rollback_goes_back_to_what_was_live(world: World) -> None:
    """Step by step, past a version that never was live, and forward again by deploying."""
    world.write(ONE)
    deploy(world, "a", "b")
    world.images.letter = "c"
    world.door.faults.append(Fault("lambda:Invoke", failed='{"errorType": "Bad"}'))
    with pytest.raises(DeployError):
        world.deploy()
    deploy(world, "d")
    assert world.live() == "4"
    site, function = world.site(), world.function()
    world.door.calls.clear()
    assert release.rollback(site, function) == ("4", "2")
    assert world.door.changes == ["lambda:UpdateAlias"]
    assert release.rollback(site, function) == ("2", "1")
    with pytest.raises(DeployError, match="version 1 of orders is the first"):
        release.rollback(site, function)
    world.deploy()
    # Version 4 is what is wanted, and is there: it is not published again.
    assert world.live() == "4"
    assert release.rollback(site, function) == ("4", "1")
    assert release.rollback(site, function, "2") == ("1", "2")
    with pytest.raises(DeployError, match="orders has no version 9: choose one of 1, 2, 3, 4"):
        release.rollback(site, function, "9")


def test_rollback_of_nothing(world: World) -> None:
    """A function that never was live has nothing to go back to."""
    world.write(ONE)
    world.deploy(only={"repository", "image", "role", "function"})
    with pytest.raises(DeployError, match="orders has no alias live"):
        release.rollback(world.site(), world.function())


def test_old_versions_and_images_go_and_used_ones_stay(world: World) -> None:
    """`keep` of each stay, and an image that is in use, was pushed by others, or tagged by them."""
    world.write(ONE)
    deploy(world, "1")
    # Somebody else's function runs our oldest image.
    world.client("lambda").create_function(
        FunctionName="other",
        Role=f"arn:aws:iam::{ACCOUNT}:role/orders-role",
        PackageType="Image",
        Code={"ImageUri": world.put_image("9")},
    )
    world.client("lambda").update_function_code(
        FunctionName="other", ImageUri=f"{repository()}@sha256:{'1' * 64}"
    )
    # And an alias of ours keeps a version.
    deploy(world, "2")
    world.client("lambda").create_alias(FunctionName="orders", Name="audit", FunctionVersion="2")
    deploy(world, "3", "4")
    # Somebody marks our third one as a base of theirs.
    manifest = world.client("ecr").batch_get_image(
        repositoryName="orders", imageIds=[{"imageDigest": f"sha256:{'3' * 64}"}]
    )["images"][0]["imageManifest"]
    world.client("ecr").put_image(
        repositoryName="orders",
        imageManifest=manifest,
        imageDigest=f"sha256:{'3' * 64}",
        imageTag="base",
    )
    deploy(world, "5")
    world.write(ONE + "keep = 1\n")
    world.deploy()
    live = release.versions(world.site(), world.function())
    assert [version["Version"] for version in live] == ["5", "2"]
    images = world.client("ecr").describe_images(repositoryName="orders")["imageDetails"]
    assert {image["imageDigest"][7] for image in images} == {"1", "2", "3", "5", "9"}
    assert world.deploy() == 0


def repository() -> str:
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/orders"


def test_an_image_that_comes_into_use_meanwhile_stays(world: World) -> None:
    """Whether it is in use is asked again just before it goes."""
    world.write(ONE + "keep = 1\n")
    deploy(world, "1")
    world.put_image("7")
    world.put_image("8")
    repository_of.mark(world.site(), f"sha256:{'7' * 64}")
    repository_of.mark(world.site(), f"sha256:{'8' * 64}")
    steps = {step.what: step for step in Plan.of(cleanup.images(world.site())).steps}
    (what,) = steps
    letter = what[-1]
    world.client("lambda").update_function_code(
        FunctionName="orders", ImageUri=f"{repository()}@sha256:{letter * 64}"
    )
    steps[what].run()
    images = world.client("ecr").describe_images(repositoryName="orders")["imageDetails"]
    assert letter in {image["imageDigest"][7] for image in images}


def test_where_aws_refuses_to_tell_what_is_in_use_images_stay() -> None:
    """It is told, and the deployment goes on."""
    old = [
        {
            "imageDigest": f"sha256:{letter * 64}",
            "imageTags": [f"lambda-runtime.shop.{letter * 12}"],
            "imagePushedAt": datetime.datetime(2026, 1, 1),
        }
        for letter in "abcdefg"
    ]
    aws = Canned(
        ecr__describe_repositories={"repositories": [{"repositoryArn": "arn:r"}]},
        ecr__list_tags_for_resource={"tags": OUR_TAGS},
        ecr__describe_images={"imageDetails": old},
    )
    assert len(Plan.of(cleanup.images(site(aws))).steps) == 2
    aws.replies["lambda:list_functions"] = refused("AccessDeniedException")
    plan = Plan.of(cleanup.images(site(aws)))
    assert plan.steps == ()
    assert plan.notes[0].startswith("old images of shop stay: they may be in use (lambda:List")


def test_a_repository_of_somebody_else_is_not_cleaned(world: World) -> None:
    """What we did not make we do not tidy."""
    world.client("ecr").create_repository(repositoryName="orders")
    for letter in "123":
        world.put_image(letter)
    world.write(ONE + "keep = 1\n")
    world.deploy()
    images = world.client("ecr").describe_images(repositoryName="orders")["imageDetails"]
    assert len(images) == 4


def test_without_a_payload_there_is_no_smoke_test(world: World, tmp_path: Path) -> None:
    """A folder without payload.json is deployed without an invocation."""
    (world.folder / "payload.json").unlink()
    world.write(ONE)
    world.deploy()
    assert "lambda:Invoke" not in world.door.calls
    assert world.live() == "1"
