"""What doctor says of who deploys: the region, the credentials, and what they are allowed."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import doctor
from amazon_lambda_runtime.deploy.checks import account
from amazon_lambda_runtime.deploy.checks.finding import Skipped
from tests.deploy.canned import ACCOUNT, REGION, Canned, refused, site

ME = f"arn:aws:iam::{ACCOUNT}:user/me"


def permitted(arn: str = ME, **more: Any) -> Canned:
    def simulate(**sent: Any) -> dict[str, Any]:
        return {
            "EvaluationResults": [
                {"EvalActionName": action, "EvalDecision": "allowed"}
                for action in sent["ActionNames"]
            ]
        }

    return Canned(
        sts__get_caller_identity={"Account": ACCOUNT, "Arn": arn},
        iam__simulate_principal_policy=simulate,
        **more,
    )


def test_all_is_allowed() -> None:
    """Each statement is simulated once, for its own actions and resources."""
    aws = permitted()
    project = site(aws).project
    assert [*account.allowed(project, aws)] == []
    asked = [sent for name, sent in aws.sent if name == "iam:simulate_principal_policy"]
    assert len(asked) == 18
    assert {each["PolicySourceArn"] for each in asked} == {ME}
    (repository,) = [each for each in asked if "ecr:PutImage" in each["ActionNames"]]
    assert repository["ResourceArns"] == [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop"]
    (passed,) = [each for each in asked if "iam:PassRole" in each["ActionNames"]]
    assert passed["ContextEntries"][0]["ContextKeyValues"] == ["lambda.amazonaws.com"]


def test_what_is_denied() -> None:
    """It is named with its resource; a principal that may not ask is no finding."""
    aws = permitted()
    denied = {"EvalActionName": "iam:PassRole", "EvalDecision": "implicitDeny"}
    aws.replies["iam:simulate_principal_policy"] = [
        {"EvaluationResults": [denied]},
        {"EvaluationResults": []},
    ]
    (finding,) = account.allowed(site(aws).project, aws)
    assert finding.what == f"{ME} is not allowed iam:PassRole on *"
    assert "cannot be assumed by Lambda" in finding.why
    aws.replies["iam:simulate_principal_policy"] = refused("AccessDenied", "no", 403)
    with pytest.raises(Skipped, match="said AccessDenied"):
        [*account.allowed(site(aws).project, aws)]


@pytest.mark.parametrize(
    ("arn", "role", "source"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", None, None),
        (ME, None, ME),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", {"Role": {"Arn": "arn:path/r"}}, "arn:path/r"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", None, f"arn:aws:iam::{ACCOUNT}:role/r"),
    ],
)
def test_whose_permissions(arn: str, role: Any, source: str | None) -> None:
    """Of a session its role; of the root user nothing is asked."""
    aws = permitted(arn, iam__get_role=role)
    assert [*account.allowed(site(aws).project, aws)] == []
    asked = {sent["PolicySourceArn"] for name, sent in aws.sent if "simulate" in name}
    assert asked == ({source} if source else set())


@pytest.mark.parametrize(
    ("declared", "identity", "checks"),
    [
        (None, {"Account": ACCOUNT, "Arn": ME}, []),
        (ACCOUNT, {"Account": ACCOUNT, "Arn": ME}, []),
        ("210987654321", {"Account": ACCOUNT, "Arn": ME}, ["account"]),
        (None, refused("ExpiredToken", "old", 403), ["credentials"]),
    ],
)
def test_identity(declared: str | None, identity: Any, checks: list[str]) -> None:
    """AWS takes the credentials, and they are of the account that is meant."""
    aws = Canned(sts__get_caller_identity=identity)
    project = dataclasses.replace(site(aws).project, account=declared)
    assert [each.check for each in account.identity(project, aws)] == checks


@pytest.mark.parametrize(
    ("region", "checks"),
    [("eu-west-1", []), ("us-gov-east-1", []), ("europe", ["region"]), ("eu-west", ["region"])],
)
def test_region(region: str, checks: list[str]) -> None:
    """It is spelled as a region."""
    aws = Canned()
    aws.region = region
    assert [each.check for each in account.region(aws)] == checks


def test_the_report(tmp_path: Path) -> None:
    """Behind credentials that are refused no other question is asked; each look is told."""
    (tmp_path / "orders.py").write_text("")
    aws = Canned(sts__get_caller_identity=refused("ExpiredToken", "old", 403))
    project = dataclasses.replace(site(aws).project, folder=tmp_path)
    told: list[str] = []
    report = doctor.examine(project, aws, told.append)
    assert [each.check for each in report.findings] == ["credentials"]
    assert told[-2:] == ["region", "credentials"]
    assert [name for name, _ in aws.sent] == ["sts:get_caller_identity"]
    aws = permitted(lambda__list_event_source_mappings=refused("AccessDenied", "no", 403))
    report = doctor.examine(project, aws, told.append)
    assert report.findings == []
    assert report.failed[0].startswith("the queues: lambda:ListEventSourceMappings: AccessDenied")
    names = ["permissions", "image", "lifecycle", "queues", "live durable functions"]
    assert told[-5:] == names
