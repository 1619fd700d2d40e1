"""The account, the region, and whether the deployer is allowed to deploy."""

import re
from collections.abc import Iterator

from amazon_lambda_runtime.deploy.aws import Aws
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError, LostReply
from amazon_lambda_runtime.deploy.policy.deployer import PASS_ROLE, statements
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.project.declaration import Project

from .finding import Finding, Skipped

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ROOT = re.compile(r"arn:[\w-]+:iam::\d+:root")
_SESSION = re.compile(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.*")


def region(aws: Aws) -> Iterator[Finding]:
    """The region is spelled like one."""
    if not _REGION.fullmatch(aws.region):
        yield Finding(
            "region",
            f"{aws.region!r} is not an AWS region",
            "AWS has no endpoint of that name",
            "Set REGION, --region or `region` in pyproject.toml to a region, such as eu-west-1.",
        )


def identity(project: Project, aws: Aws) -> Iterator[Finding]:
    """There are credentials, AWS accepts them, and they are of the account that is meant."""
    try:
        account = who(aws)["Account"]
    except LostReply:
        raise
    except AwsError as error:
        if error.code == "Unreachable":
            raise
        yield Finding(
            "credentials",
            f"AWS refuses the credentials: {error.code}: {error.text}",
            "no request can be signed without them",
            "Sign in again (aws sso login, aws configure), or choose another AWS_PROFILE.",
        )
        return
    except DeployError as error:
        yield Finding(
            "credentials",
            str(error),
            "no request can be signed without them",
            "Run `aws configure`, or set AWS_PROFILE to a profile that has some.",
        )
        return
    if project.account is not None and project.account != account:
        yield Finding(
            "account",
            f"the credentials belong to account {account}, and AWS_ACCOUNT (account) is "
            f"{project.account}",
            "ARNs would be made of an account in which nothing exists",
            "Choose the profile of that account, or remove AWS_ACCOUNT: then AWS says which it is.",
        )


def who(aws: Aws) -> dict[str, str]:
    """Return the Account and the Arn of the caller, as STS has them."""
    answer = aws.call("sts", "get_caller_identity")
    return {"Account": answer["Account"], "Arn": answer["Arn"]}


def allowed(project: Project, aws: Aws) -> Iterator[Finding]:
    """The deployer may do what a deployment of this project takes."""
    caller = who(aws)
    if _ROOT.fullmatch(caller["Arn"]):
        return
    source = _principal(aws, caller["Arn"])
    names = Names(aws.partition, aws.region, caller["Account"])
    for statement in statements(project, names):
        denied = _denied(aws, source, statement)
        if not denied:
            continue
        where = ", ".join(statement.resources)
        yield Finding(
            "permission",
            f"{source} is not allowed {', '.join(denied)} on {where}",
            PASS_ROLE
            if "iam:PassRole" in denied
            else "AWS would refuse the deployment half-way through",
            "Attach what `lambda-runtime permissions` prints.",
        )


def _principal(aws: Aws, arn: str) -> str:
    """Return the principal that IAM can simulate: the role of a session, or the user."""
    session = _SESSION.fullmatch(arn)
    if session is None:
        return arn
    # The ARN of a session leaves out the role's path.
    try:
        role = aws.call("iam", "get_role", RoleName=session[3])
        return str(role["Role"]["Arn"])
    except AwsError:
        return f"{session[1]}:iam::{session[2]}:role/{session[3]}"


def _denied(aws: Aws, source: str, statement: Statement) -> list[str]:
    """Return which actions of a statement IAM would not allow."""
    context = [
        # A value that meets the condition: one request is simulated.
        {
            "ContextKeyName": key,
            "ContextKeyValues": [values[0].rstrip("*") if isinstance(values, list) else values],
            "ContextKeyType": "string",
        }
        for condition in statement.conditions.values()
        for key, values in condition.items()
    ]
    try:
        found = list(
            aws.pages(
                "iam",
                "simulate_principal_policy",
                "EvaluationResults",
                PolicySourceArn=source,
                ActionNames=list(statement.actions),
                ResourceArns=list(statement.resources),
                ContextEntries=context,
                # An emulator that lacks this operation fails it: it is not retried.
                again=False,
            )
        )
    except AwsError as error:
        raise Skipped(
            f"the permissions of {source}: {error.operation} said {error.code}. "
            "`lambda-runtime permissions` prints the policy that it needs"
        ) from None
    return [result["EvalActionName"] for result in found if result["EvalDecision"] != "allowed"]
