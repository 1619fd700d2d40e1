"""A project in an account, and what tests do with it."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.plan import Plan, Progress, Step
from amazon_lambda_runtime.deploy.retry import Retry
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.settings import load
from tests.cli.support import run_here

from .fake_aws import ACCOUNT, READS, REGION, Door, StandIn

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

ONE = """
[tool.lambda-runtime]
repository = "orders"
function = "orders"
role = "orders-role"
"""

ALL = """
[tool.lambda-runtime]
repository = "orders"
[tool.lambda-runtime.functions.orders]
reserved_concurrency = 20
environment = { PASSWORD = "hunter2" }
triggers = [
  { type = "sqs", queue = "orders", max_concurrency = 5, report_batch_item_failures = true },
  { type = "s3", bucket = "uploads", prefix = "in/" },
  { type = "s3", bucket = "uploads", prefix = "topic/", via = "sns", topic = "news" },
  { type = "s3", bucket = "uploads", prefix = "queue/", via = "sqs", queue = "orders" },
  { type = "eventbridge", rule = "orders-rule", pattern = '{"source": ["shop"]}' },
  { type = "schedule", rule = "orders-clock", expression = "rate(5 minutes)", input = '{"a": 1}' },
  { type = "alb", target_group = "orders" },
  { type = "url", auth = "NONE", mode = "RESPONSE_STREAM" },
]
"""


@dataclass
class Images:
    """A builder: its image is a letter, and its push a PutImage with an explicit digest."""

    world: "World"
    letter: str = "a"
    pushes: int = 0
    #: Whether the digest is known before the push, as of the native engine.
    known: bool = True

    @property
    def digest(self) -> str:
        return f"sha256:{self.letter * 64}"

    def build(self, project: Project, progress: Progress) -> str | None:
        return self.digest if self.known else None

    def push(self, site: Site, progress: Progress) -> str:
        self.pushes += 1
        self.world.put_image(self.letter, site.project.repository)
        return self.digest


class Time:
    """A clock that only sleeping moves, and that says how it slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Told:
    """Progress, kept."""

    notes: list[str] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def end(self, step: Step) -> None:
        self.done.append(step)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


class Mortal(Aws):
    """An AWS that carries out so many changes, and then the process is gone."""

    changes_left = 0

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        answer = super().send(service, operation, parameters)
        name = f"{service}:{''.join(word.capitalize() for word in operation.split('_'))}"
        if not READS.fullmatch(name) and operation != "invoke":
            self.changes_left -= 1
            if not self.changes_left:
                raise Killed
        return answer


@dataclass
class World:
    """The account, the folder, and a builder."""

    stand_in: StandIn
    folder: Path
    images: Images = field(init=False)
    told: Told = field(default_factory=Told)
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.images = Images(self)

    @property
    def door(self) -> Door:
        return self.stand_in.door

    def client(self, service: str) -> Any:
        """Return a client whose requests nobody counts."""
        return self.stand_in.client(service)

    def write(self, table: str) -> None:
        """Write the project's pyproject.toml."""
        (self.folder / "pyproject.toml").write_text(table)

    def project(self, **flags: Any) -> Project:
        return load(self.folder, flags)

    def aws(self, kind: type[Aws] = Aws) -> Aws:
        """Return an AWS whose waits take no time. Its clients are dear, and made once."""
        kept: Aws = self.stand_in.kept.setdefault(kind, kind(REGION))
        kept.retry = Retry(self.time.sleep, self.time, random.Random(1).random)
        return kept

    def site(self, **flags: Any) -> Site:
        return Site(self.project(**flags), self.aws(), self.images.digest)

    def function(self, **flags: Any) -> Function:
        return self.project(**flags).functions[0]

    def plan(self, **flags: Any) -> Plan:
        return deployment.plan(self.project(**flags), self.aws(), self.told, builder=self.images)

    def deploy(self, only: Collection[str] | None = None, **flags: Any) -> int:
        """Deploy; `door.calls` are then those of this deployment."""
        self.door.calls.clear()
        return deployment.deploy(
            self.project(**flags), self.aws(), self.told, only, builder=self.images
        )

    def buckets(self, *names: str) -> None:
        for name in names:
            self.client("s3").create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
            )

    def put_image(self, letter: str, repository: str = "orders") -> str:
        """Put an image into the registry; moto would make up a digest of its own."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": f"sha256:{letter * 64}", "size": 1, "mediaType": "application/x"},
            "layers": [],
        }
        digest = f"sha256:{letter * 64}"
        self.client("ecr").put_image(
            repositoryName=repository, imageManifest=json.dumps(manifest), imageDigest=digest
        )
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}@{digest}"

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the command in this process, in the project's folder."""
        return run_here(self.folder, *arguments, **variables)

    def run_apart(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run it as a process of its own, which takes a second to load boto3."""
        return subprocess.run(
            [sys.executable, "-m", "amazon_lambda_runtime.cli", *arguments],
            cwd=self.folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def live(self) -> str:
        """Return the version that is live."""
        alias = self.client("lambda").get_alias(FunctionName="orders", Name="live")
        return str(alias["FunctionVersion"])

    def inventory(self) -> dict[str, int]:
        """Return how many there are of each kind of resource."""
        of = self.client
        lambdas = of("lambda")
        versions = lambdas.list_versions_by_function(FunctionName="orders")["Versions"]
        try:
            policy = json.loads(lambdas.get_policy(FunctionName="orders")["Policy"])
        except lambdas.exceptions.ResourceNotFoundException:
            policy = {"Statement": []}
        configuration = of("s3").get_bucket_notification_configuration(Bucket="uploads")
        rules = of("events").list_rules()["Rules"]
        return {
            "repositories": len(of("ecr").describe_repositories()["repositories"]),
            "roles": len(of("iam").list_roles()["Roles"]),
            "log groups": len(of("logs").describe_log_groups()["logGroups"]),
            "functions": len(lambdas.list_functions()["Functions"]),
            "versions": len(versions) - 1,
            "aliases": len(lambdas.list_aliases(FunctionName="orders")["Aliases"]),
            "statements": len(policy["Statement"]),
            "queues": len(of("sqs").list_queues()["QueueUrls"]),
            "mappings": len(lambdas.list_event_source_mappings()["EventSourceMappings"]),
            "topics": len(of("sns").list_topics()["Topics"]),
            "subscriptions": len(of("sns").list_subscriptions()["Subscriptions"]),
            "rules": len(rules),
            "targets": sum(
                len(of("events").list_targets_by_rule(Rule=rule["Name"])["Targets"])
                for rule in rules
            ),
            "target groups": len(of("elbv2").describe_target_groups()["TargetGroups"]),
            "notifications": sum(
                len(value) for key, value in configuration.items() if key.endswith("urations")
            ),
        }


#: What `ALL` comes to.
INVENTORY = {
    "repositories": 1,
    "roles": 1,
    "log groups": 1,
    "functions": 1,
    "versions": 1,
    "aliases": 1,
    "statements": 7,
    "queues": 2,
    "mappings": 1,
    "topics": 1,
    "subscriptions": 1,
    "rules": 2,
    "targets": 2,
    "target groups": 1,
    "notifications": 3,
}
