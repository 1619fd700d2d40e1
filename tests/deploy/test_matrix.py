"""Each key of the project file, changed alone: a plan shows exactly that, and takes it back."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.keys import FUNCTION_KEYS, PROJECT_KEYS, of_trigger
from amazon_lambda_runtime.project.triggers import TYPES
from tests.harness import chance, examples

from .conftest import empty
from .fake_aws import StandIn
from .keeping import NOT_KEPT, Strict, model
from .matrix import APART, BASE, CASES, Case
from .world import BASIC, READ_S3, World

ROOT = Path(__file__).parents[2]
# The order keeps cases together that begin with the same table.
NAMES = sorted(CASES, key=lambda name: (CASES[name].before, [*CASES].index(name)))
SAMPLE, MANY = 2, 4
_STAYS = re.compile(r"create (repository|role|queue|topic|log group) ")


class Desk:
    """One account for all cases, and the table that is deployed there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clean = False
        self.table = ""
        aws = world.aws(Strict)
        assert isinstance(aws, Strict)
        self.aws = aws
        self.words: dict[str, str] = {}

    def begin(self, table: str) -> None:
        """Deploy a table, in an empty account if the case before has failed."""
        if not self.clean:
            self.world.stand_in.reset()
            self._set_up()
        self.clean, table = False, BASE + table
        if table != self.table:
            self.deploy(table)

    def _set_up(self) -> None:
        """Make what belongs to others: buckets, images, an event bus, a role, a balancer."""
        world, of = self.world, self.world.client
        self.table = ""
        world.buckets("uploads", "others")
        of("ecr").create_repository(repositoryName="orders")
        arn = of("ecr").describe_repositories()["repositories"][0]["repositoryArn"]
        tag = {"Key": "lambda-runtime:project", "Value": "orders"}
        of("ecr").tag_resource(resourceArn=arn, tags=[tag])
        world.put_image("b")
        of("events").create_event_bus(Name="other")
        for name in ("clicks", "taps"):
            of("kinesis").create_stream(StreamName=name, ShardCount=1)
        for name in ("orders", "bills"):
            of("dynamodb").create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            )
        subnets = [each["SubnetId"] for each in of("ec2").describe_subnets()["Subnets"]][:2]
        elb = of("elbv2")
        balancer = elb.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]
        answer: Any = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        listener = elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[answer],
        )["Listeners"][0]  # fmt: skip
        self.words = {"LISTENER": listener["ListenerArn"]}
        files = {
            "policies": BASIC, "more": f"{BASIC}\n{READ_S3}", "some.env": "AB=1",
            "payload.json": "{}", "other.json": "{}", "other.py": "",
        }  # fmt: skip
        for name, text in files.items():
            (world.folder / name).write_text(f"{text}\n")

    def deploy(self, table: str) -> tuple[str, ...]:
        """Deploy a table, and return the steps that were taken."""
        self._write(table)
        self.world.told.done.clear()
        self.aws.sent = []
        deployment.deploy(
            self.world.project(), self.aws, self.world.told, builder=self.world.images
        )
        return tuple(map(_plain, self.world.told.done))

    def plan(self, table: str) -> tuple[str, ...]:
        self._write(table)
        plan = deployment.plan(
            self.world.project(), self.aws, self.world.told, builder=self.world.images
        )
        return tuple(map(_plain, plan.steps))

    def _write(self, table: str) -> None:
        # A key of the case takes the place of the same key.
        keys = re.findall(r"^(\w+) =", table, re.M)
        lines = [
            line
            for number, line in enumerate(table.splitlines())
            if (key := re.match(r"(\w+) =", line)) is None
            or keys.count(key[1]) == 1
            or line not in BASE
            or number > len(BASE.splitlines())
        ]
        text = "\n".join(lines)
        for word, value in self.words.items():
            text = text.replace(word, value)
        self.world.write(text)
        self.table = table


def _plain(step: object) -> str:
    """Return a step without what differs from run to run."""
    text = re.sub(r"version \d+", "version N", str(step))
    text = re.sub(r"listener arn:\S+", "listener ARN", text)
    text = re.sub(r"-[0-9a-f]{8} of orders", "-HASH of orders", text)
    return re.sub(r"RedrivePolicy .* → .*", "RedrivePolicy REDRIVE", text)


@pytest.fixture(scope="module")
def desk(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Desk(empty(stand_in, tmp_path_factory.mktemp("matrix"), monkeypatch))


def turn(desk: Desk, name: str, case: Case) -> None:
    """Change a key and change it back: each step is as told, and nothing is left to do."""
    before, after = BASE + case.before, BASE + case.after
    desk.begin(case.before)
    if case.refused:
        with pytest.raises((ConfigError, DeployError), match=case.refused):
            desk.plan(after)
        assert desk.plan(before) == ()
        desk.clean = True
        return
    assert desk.plan(after) == case.forth
    assert desk.deploy(after) == case.forth
    if name in NOT_KEPT:
        operation, field = NOT_KEPT[name]
        assert any(field in sent for called, sent in desk.aws.sent if called == operation)
    assert desk.plan(after) == ()
    assert desk.plan(before) == case.back
    assert desk.deploy(before) == case.back
    assert desk.plan(before) == ()
    # What holds data stays; another case may want to make it.
    desk.clean = not any(_STAYS.match(step) for step in case.forth)


def test_every_key_has_its_case() -> None:
    """A key that is in neither table is one that nobody has shown to be deployed."""
    triggers = {f"{word}.{key}" for word, kind in TYPES.items() for key in of_trigger(kind)}
    assert {*CASES, *APART} == {*PROJECT_KEYS, *FUNCTION_KEYS, *triggers}
    assert not CASES.keys() & APART.keys()
    for where in APART.values():
        file, _, test = where.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text(), where


def test_what_is_kept_for_moto_is_in_the_model_of_aws() -> None:
    """Each key of the table names an operation of AWS, and a field of its request."""
    assert set(NOT_KEPT) <= {*CASES, *APART}
    for operation, field in NOT_KEPT.values():
        shape: Any = model(*operation.split(":")).input_shape
        assert field in shape.members


def turns(desk: Desk, sample: int) -> None:
    chosen = chance("matrix").sample(NAMES, min(examples(sample), len(NAMES)))
    for name in sorted(chosen, key=NAMES.index):
        try:
            turn(desk, name, CASES[name])
        except BaseException as exc:
            exc.add_note(f"the key is {name}")
            raise


def test_one_change_at_a_time_a_sample(desk: Desk) -> None:
    """A plan shows exactly one change, and after it nothing; taken back, it is gone."""
    turns(desk, SAMPLE)


@pytest.mark.slow
def test_one_change_at_a_time(desk: Desk) -> None:
    """The same for many keys; `EXAMPLES=1000` takes all."""
    turns(desk, MANY)
