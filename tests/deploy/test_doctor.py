"""`doctor`: what it finds, what it says about it, and that it changes nothing."""

import dataclasses
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from amazon_lambda_runtime.deploy import doctor
from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.checks import folder, queues
from amazon_lambda_runtime.deploy.doctor import Report
from amazon_lambda_runtime.project.errors import ConfigError

from .fake_aws import ACCOUNT, REGION, Fault
from .world import BASIC, ONE, World

DOCKERFILE = 'FROM debian:trixie-slim\nENTRYPOINT ["/usr/local/bin/bootstrap"]\n'
URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/orders@sha256:{'a' * 64}"
INDEX = "application/vnd.oci.image.index.v1+json"
ME = f"arn:aws:iam::{ACCOUNT}:user/me"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Judge(Aws):
    """An AWS with what moto lacks: the simulation of policies, and layers to be downloaded."""

    #: What the deployer may not do.
    denied: frozenset[str] = frozenset()
    #: What IAM is asked, each time.
    simulated: list[Reply]
    config: Path | None = None
    #: Whether the deployer may ask.
    may_ask = True
    caller = ME

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        if operation == "get_caller_identity":
            return {"Account": ACCOUNT, "Arn": self.caller}
        if operation == "get_download_url_for_layer":
            return {"downloadUrl": f"file://{self.config}"}
        if operation != "simulate_principal_policy":
            return super().send(service, operation, parameters)
        if not self.may_ask:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        self.simulated.append(parameters)
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalDecision": "implicitDeny" if action in self.denied else "allowed",
                }
                for action in parameters["ActionNames"]
            ]
        }


@pytest.fixture
def healthy(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project of which there is nothing to say, on a machine that builds Dockerfiles."""
    world.write(ONE)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    (world.folder / "hello.py").write_text("def handler(event, context):\n    return event\n")
    (world.folder / "Dockerfile").write_text(DOCKERFILE)
    return world


def judge(world: World, **settings: Any) -> Judge:
    aws = world.aws(Judge)
    assert isinstance(aws, Judge)
    # It may be the one of the test before.
    aws.__dict__.update({"denied": frozenset(), "config": None, "may_ask": True, "caller": ME})
    aws.__dict__.update(simulated=[], **settings)
    return aws


def examine(world: World, aws: Aws | None = None, **flags: Any) -> Report:
    return doctor.examine(world.project(**flags), aws or judge(world), str)


def checks(report: Report) -> list[str]:
    """Return the kinds of the findings, each of which says all that it has to."""
    assert report.failed == []
    for finding in report.findings:
        assert all(dataclasses.astuple(finding))
        assert not finding.why.endswith(".")
    return [finding.check for finding in report.findings]


def test_nothing_to_say(healthy: World) -> None:
    """All is well; and nothing was changed, in AWS or in the folder."""
    before = sorted(healthy.folder.rglob("*"))
    report = examine(healthy)
    assert report == Report()
    assert healthy.door.changes == []
    assert sorted(healthy.folder.rglob("*")) == before


def test_credentials(healthy: World) -> None:
    """Credentials that AWS does not take are one finding, and no other question is asked."""
    refused = Fault("sts:GetCallerIdentity", 9, error=(403, "ExpiredToken", "it has expired"))
    healthy.door.faults.append(refused)
    report = examine(healthy, healthy.aws())
    assert checks(report) == ["credentials"]
    assert "ExpiredToken" in report.findings[0].what
    assert healthy.door.calls == ["sts:GetCallerIdentity"]


def test_no_credentials(healthy: World) -> None:
    """So are none at all."""
    done = healthy.run("doctor", "--json", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode == 1
    assert [f["check"] for f in json.loads(done.stdout)["findings"]] == ["credentials"]


@pytest.mark.parametrize("lose", ["", "before"])
def test_no_network(healthy: World, lose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AWS cannot be reached, that is no finding: it could not be looked."""
    aws = healthy.aws()
    if lose:
        healthy.door.faults.append(Fault("sts:GetCallerIdentity", 1000, lose=lose))
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        aws = Aws(REGION)
    report = examine(healthy, aws)
    assert report.findings == []
    assert report.failed[0].startswith("the credentials: sts:GetCallerIdentity")


def test_account(healthy: World) -> None:
    """Credentials of another account than the one that is meant are told."""
    assert checks(examine(healthy, account="210987654321")) == ["account"]


def test_region(healthy: World) -> None:
    """A region that is spelled as none is not asked anything."""
    report = examine(healthy, Aws("europe"))
    assert checks(report) == ["region"]
    assert healthy.door.calls == []


def test_permissions(healthy: World) -> None:
    """Each action of a deployment is simulated for the project's resources."""
    aws = judge(healthy, denied=frozenset({"lambda:CreateFunction", "ecr:PutImage"}))
    report = examine(healthy, aws)
    assert checks(report) == ["permission", "permission"]
    assert "ecr:PutImage on arn:aws:ecr" in report.findings[0].what
    assert report.findings[1].fix == "Attach what `lambda-runtime permissions` prints."
    asked = {action for question in aws.simulated for action in question["ActionNames"]}
    # The lists of the Perl distribution are among them.
    assert {
        "ecr:CreateRepository",
        "ecr:DescribeRepositories",
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:PutImage",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "iam:GetRole",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:PassRole",
        "iam:ListAttachedRolePolicies",
        "lambda:GetFunction",
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:InvokeFunction",
        "lambda:ListFunctions",
        "lambda:GetFunctionConfiguration",
        "lambda:CreateEventSourceMapping",
        "lambda:ListEventSourceMappings",
        "sts:GetCallerIdentity",
    } <= asked


def test_pass_role(healthy: World) -> None:
    """The absence of iam:PassRole, which AWS tells in the wrong words, has its own explanation."""
    aws = judge(healthy, denied=frozenset({"iam:PassRole"}))
    report = examine(healthy, aws)
    assert checks(report) == ["permission"]
    assert f"arn:aws:iam::{ACCOUNT}:role/orders-role" in report.findings[0].what
    assert "cannot be assumed by Lambda" in report.findings[0].why
    question = next(q for q in aws.simulated if "iam:PassRole" in q["ActionNames"])
    assert question["ContextEntries"] == [
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["lambda.amazonaws.com"],
            "ContextKeyType": "string",
        }
    ]


def test_conditions_are_simulated_for_a_request(healthy: World) -> None:
    """IAM is told of a policy that is to be attached, and of a function, not of patterns."""
    aws = judge(healthy)
    examine(healthy, aws)
    values = {
        entry["ContextKeyName"]: entry["ContextKeyValues"]
        for question in aws.simulated
        for entry in question["ContextEntries"]
    }
    assert values["iam:PolicyARN"] == [BASIC]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
    assert values["lambda:FunctionArn"] == [function]


def test_permissions_may_not_be_asked(healthy: World) -> None:
    """Who may not simulate is told so, which is no finding and no failure."""
    report = examine(healthy, judge(healthy, may_ask=False))
    assert not report.findings
    assert not report.failed
    assert "iam:SimulatePrincipalPolicy said AccessDenied" in report.skipped[0]


@pytest.mark.parametrize(
    ("arn", "source"),
    [
        (ME, ME),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session",
            f"arn:aws:iam::{ACCOUNT}:role/team/deployer",
        ),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/other/session",
            f"arn:aws:iam::{ACCOUNT}:role/other",
        ),
        (f"arn:aws:iam::{ACCOUNT}:root", None),
    ],
)
def test_whose_permissions(healthy: World, arn: str, source: str | None) -> None:
    """Of a session the role is asked about, with its path; of the root user nothing."""
    healthy.client("iam").create_role(
        RoleName="deployer", Path="/team/", AssumeRolePolicyDocument='{"Version": "2012-10-17"}'
    )
    aws = judge(healthy, caller=arn)
    assert examine(healthy, aws).findings == []
    expected = set() if source is None else {source}
    assert {question["PolicySourceArn"] for question in aws.simulated} == expected


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("memory = 1", "it has to be 128 to 10240"),
        ("environment = { AWS_REGION = 'x' }", "Lambda's own"),
        (f"environment = {{ LONG = '{'x' * 4096}' }}", "Lambda takes 4096"),
        ("triggers = [{ type = 'sqs', queue = 'q', visibility = 17 }]", "six times the timeout"),
        (
            "reserved_concurrency = 1\ntriggers = [{ type = 'sqs', queue = 'q' }]",
            "set max_concurrency",
        ),
        ("memori = 128", "did you mean 'memory'"),
    ],
)
def test_settings(healthy: World, table: str, words: str) -> None:
    """What AWS would refuse, or do harm with, is a finding like any other."""
    healthy.write(ONE + table)
    with pytest.raises(ConfigError) as caught:
        healthy.project()
    finding = doctor.settings(caught.value)
    assert finding.check == "settings"
    assert words in finding.what


def test_settings_that_cannot_be_loaded(healthy: World) -> None:
    """The command tells it among the findings."""
    healthy.write(f"{ONE}memory = 1")
    done = healthy.run("doctor", "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["check"] == "settings"
    assert "it has to be 128 to 10240" in finding["what"]


def test_two_names(healthy: World) -> None:
    """The Makefile and pyproject.toml are about the same function."""
    (healthy.folder / "Makefile").write_text("REPO_NAME ?= orders\nFUNCTION_NAME ?= bills\n")
    report = examine(healthy)
    assert checks(report) == ["two-names"]
    assert "FUNCTION_NAME is bills" in report.findings[0].what


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("IMAGE_NAME", "image"),
        ("REPO_NAME", "repository"),
        ("FUNCTION_NAME", "function"),
        ("ROLE_NAME", "role"),
        ("POLICIES_FILE", "policies_file"),
        ("LAMBDA_MODULE", "module"),
        ("REGION", "region"),
    ],
)
def test_names_of_a_makefile(variable: str, key: str, tmp_path: Path) -> None:
    """Each name that both files have is compared; one that only one of them has is not."""
    (tmp_path / "Makefile").write_text(f"{variable} ?= one\nLAMBDA_TIMEOUT ?= 3\n")
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(f'[tool.lambda-runtime]\n{key} = "two"\n')
    project = SimpleNamespace(folder=tmp_path)
    (finding,) = folder.names(cast(Any, project))
    assert finding.what == f"{variable} is one in the Makefile, and {key} is two in pyproject.toml"
    for text in (f'{key} = "one"', ""):
        pyproject.write_text(f"[tool.lambda-runtime]\n{text}\n")
        assert not list(folder.names(cast(Any, project)))


def test_handler(healthy: World) -> None:
    """A module that is not there, and one that is no Python."""
    assert checks(examine(healthy, module="missing.py")) == ["no-handler"]
    (healthy.folder / "hello.py").write_text("def handler(")
    assert checks(examine(healthy)) == ["no-handler"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DOCKERFILE, []),
        ('FROM debian:trixie-slim\nCMD ["hello.handler"]\n', ["no-entrypoint"]),
        (f"{DOCKERFILE}FROM debian:trixie-slim\n", ["no-entrypoint"]),
        ("FROM public.ecr.aws/lambda/python:3.13\n", []),
        ("\nFROM debian:trixie-slim\n\n", ["no-entrypoint"]),
        ("FROM debian:trixie-slim\nENTRYPOINT /usr/local/bin/bootstrap\n", ["shell-form"]),
        ('# none\nfrom x\nentrypoint \\\n  ["bootstrap"]\n', []),
    ],
)
def test_dockerfile(healthy: World, text: str, expected: list[str]) -> None:
    """The entry point of the last stage is the bootstrap, as a list. The native engine has one."""
    (healthy.folder / "Dockerfile").write_text(text)
    assert checks(examine(healthy, engine="buildah")) == expected
    assert checks(examine(healthy, engine="native")) == []


def test_a_dockerfile_that_is_not_used(
    healthy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody wrote is built, or it is told that it is not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks(examine(healthy, engine="auto")) == ["dockerfile-unused"]
    assert checks(examine(healthy, engine="native")) == []


def test_file_modes(healthy: World) -> None:
    """What only its owner may read is listed, unless the Dockerfile sees to it."""
    secret = healthy.folder / "pkg/rates.py"
    secret.parent.mkdir()
    secret.write_text("")
    secret.chmod(0o600)
    (healthy.folder / ".hidden").write_text("")
    os.chmod(healthy.folder / ".hidden", 0o600)
    report = examine(healthy, engine="buildah")
    assert checks(report) == ["file-modes"]
    assert report.findings[0].what == "not readable by others: pkg/rates.py"
    assert checks(examine(healthy, engine="native")) == []
    (healthy.folder / "Dockerfile").write_text(f"{DOCKERFILE}RUN chmod -R a+rX /var/task\n")
    assert checks(examine(healthy, engine="buildah")) == []


def test_no_dockerfile(healthy: World) -> None:
    """That there is no Dockerfile is for the engine to say: it has one of its own."""
    (healthy.folder / "Dockerfile").unlink()
    assert checks(examine(healthy, engine="buildah")) == []


def test_size(healthy: World) -> None:
    """A folder that no image can hold is told before it is packed."""
    with (healthy.folder / "model.bin").open("wb") as file:
        file.truncate(11 * 1024**3)  # a hole: it takes no room
    report = examine(healthy, engine="buildah")
    assert checks(report) == ["size"]
    assert "11.0 GiB" in report.findings[0].what


def fake_docker(world: World, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Put a docker on PATH that has one image to tell about."""
    folder = world.folder.parent / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "docker"
    script.write_text(
        f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n" if answer else "#!/bin/sh\nexit 1\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, []),
        ({"Architecture": "arm64"}, ["architecture"]),
        ({"Config": {"Entrypoint": None}}, ["no-entrypoint"]),
        ({"Descriptor": {"mediaType": INDEX}}, ["manifest"]),
        ({"Size": 11 * 1024**3}, ["size"]),
    ],
)
def test_local_image(
    healthy: World, monkeypatch: pytest.MonkeyPatch, image: dict[str, Any], expected: list[str]
) -> None:
    """An image that was built is looked at: what it is for, how it starts, what kind it is."""
    whole = {
        "Architecture": "amd64",
        "Config": {"Entrypoint": ["/usr/local/bin/bootstrap"]},
        "Descriptor": {"mediaType": MANIFEST},
        "Size": 1,
    }
    fake_docker(healthy, monkeypatch, json.dumps([{**whole, **image}]))
    assert checks(examine(healthy, engine="docker")) == expected


def test_no_local_image(healthy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is not built yet is none to look at; an answer in no JSON is told."""
    fake_docker(healthy, monkeypatch, "")
    assert checks(examine(healthy, engine="docker")) == []
    fake_docker(healthy, monkeypatch, "Cannot connect to the Docker daemon")
    assert "does not answer in JSON" in examine(healthy, engine="docker").skipped[0]
    (healthy.folder.parent / "bin/docker").write_text("#!/nowhere\n")
    assert "No such file" in examine(healthy, engine="docker").skipped[0]
    monkeypatch.setenv("PATH", "/nowhere")
    assert checks(examine(healthy, engine="docker")) == ["engine"]


def in_registry(world: World, manifest: dict[str, Any]) -> None:
    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="orders")
    ecr.put_image(
        repositoryName="orders",
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=manifest["mediaType"],
        imageDigest=f"sha256:{'a' * 64}",
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"architecture": "amd64", "config": {"Entrypoint": ["bootstrap"]}}, []),
        ({"architecture": "arm64", "config": {"Entrypoint": ["bootstrap"]}}, ["architecture"]),
        ({"architecture": "amd64", "config": {}}, ["no-entrypoint"]),
    ],
)
def test_registry(
    healthy: World, tmp_path: Path, config: dict[str, Any], expected: list[str]
) -> None:
    """So is one that is in the registry, by its manifest and its configuration."""
    blob = tmp_path / "config.json"
    blob.write_text(json.dumps(config))
    entry = {"mediaType": MANIFEST, "digest": f"sha256:{'c' * 64}", "size": 1}
    in_registry(
        healthy,
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": [entry]},
    )
    aws = judge(healthy, config=blob)
    assert checks(examine(healthy, aws, image_uri=URI)) == expected


def test_index_in_the_registry(healthy: World) -> None:
    """An index, which docker's attestations make of an image, is not what Lambda takes."""
    entry = {"mediaType": MANIFEST, "digest": f"sha256:{'c' * 64}", "size": 1}
    in_registry(
        healthy, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "layers": []}
    )
    report = examine(healthy, image_uri=URI)
    assert checks(report) == ["manifest"]
    assert "--provenance=false" in report.findings[0].fix


def test_image_that_is_not_there(healthy: World, tmp_path: Path) -> None:
    """An image of another registry, one that is gone, and one that cannot be looked into."""
    other = f"docker.io/orders@sha256:{'a' * 64}"
    assert checks(examine(healthy, image_uri=other)) == ["image-uri"]
    assert checks(examine(healthy, image_uri=URI)) == ["image-uri"]
    entry = {"mediaType": MANIFEST, "digest": f"sha256:{'c' * 64}", "size": 1}
    in_registry(
        healthy,
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": [entry]},
    )
    report = examine(healthy, judge(healthy, config=tmp_path / "none"), image_uri=URI)
    assert "the architecture of the image in orders" in report.skipped[0]


@pytest.mark.parametrize(
    ("partial", "reports", "expected"),
    [
        (True, True, []),
        (True, False, ["partial-failures"]),
        (False, True, ["partial-failures"]),
        (False, False, []),
        (None, True, []),
    ],
)
def test_partial_failures(
    healthy: World,
    monkeypatch: pytest.MonkeyPatch,
    partial: bool | None,
    reports: bool,
    expected: list[str],
) -> None:
    """A handler that names failed messages, and a trigger that listens: both or neither."""
    asked = []

    def partial_failures(handler: str, task_root: Path) -> bool | None:
        asked.append((handler, task_root))
        return partial

    monkeypatch.setattr(queues, "partial_failures", partial_failures)
    declared = (
        f"triggers = [{{ type = 'sqs', queue = 'q', report_batch_item_failures = {reports} }}]"
    )
    healthy.write(ONE + declared.lower())
    assert checks(examine(healthy)) == expected
    assert asked == [("hello.handler", healthy.folder)]


def test_queue_as_it_is(healthy: World) -> None:
    """A queue that somebody mapped by hand is looked at as it is in AWS."""
    healthy.deploy()
    queue = healthy.client("sqs").create_queue(
        QueueName="letters", Attributes={"VisibilityTimeout": "17"}
    )
    lambdas = healthy.client("lambda")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
    lambdas.create_event_source_mapping(FunctionName="orders", EventSourceArn=arn)
    lambdas.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=1)
    report = examine(healthy)
    assert checks(report) == ["visibility", "reserved-concurrency"]
    assert "18 s" in report.findings[0].fix
    assert "max_concurrency" in report.findings[1].fix
    healthy.client("sqs").set_queue_attributes(
        QueueUrl=queue["QueueUrl"], Attributes={"VisibilityTimeout": "18"}
    )
    lambdas.delete_function_concurrency(FunctionName="orders")
    assert checks(examine(healthy)) == []
    healthy.client("sqs").delete_queue(QueueUrl=queue["QueueUrl"])
    assert checks(examine(healthy)) == ["no-queue"]


def test_command(healthy: World) -> None:
    """The exit status is 0 if all is well, 1 with findings, 2 if it could not look."""
    refused = (403, "AccessDenied", "no")
    healthy.door.faults.append(Fault("iam:SimulatePrincipalPolicy", 9, error=refused))
    done = healthy.run("doctor", REGION=REGION)
    assert (done.returncode, done.stdout) == (0, "No findings.\n")
    assert "checked: permissions" in done.stderr
    assert "Not checked: the permissions of" in done.stderr

    healthy.door.faults.append(Fault("lambda:ListEventSourceMappings", 9, error=refused))
    done = healthy.run("doctor", REGION=REGION)
    assert done.returncode == 2
    assert "Could not check the queues: lambda:ListEventSourceMappings" in done.stderr

    (healthy.folder / "hello.py").unlink()
    done = healthy.run("doctor", REGION=REGION)
    assert done.returncode == 1
    assert done.stdout.startswith("no-handler: the handler's module hello.py cannot be read")
    assert "\n  why: " in done.stdout
    assert "\n  fix: " in done.stdout
