"""Settings of the table are taken back with their key; those that a hand has set stay."""

from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.plan import Plan
from amazon_lambda_runtime.deploy.resources import record
from amazon_lambda_runtime.project.keys import FUNCTION_KEYS
from tests.harness import chance, examples

from .keeping import _ASYNCHRONOUS, _CONFIGURE, NOT_KEPT
from .matrix import DEAD, KEY
from .world import ONE, Killed, Mortal, World

URL = 'triggers = [{ type = "url" }]\n'
CORS = 'triggers = [{ type = "url", allow_origins = ["*"] }]\n'
#: Each setting as the table has it, and as a hand sets it: what diff tells then.
TABLE: dict[str, tuple[str, str]] = {
    "tracing": ('tracing = "Active"\n', "TracingConfig of function orders"),
    "dead_letter": (f'dead_letter = "{DEAD}"\n', "DeadLetterConfig of function orders"),
    "kms_key": (f'kms_key = "{KEY}"\n', "KMSKeyArn of function orders"),
    "snapstart": ("snapstart = true\n", "SnapStart of function orders"),
    "log_format": ('log_format = "JSON"\n', "LoggingConfig of function orders"),
    "reserved_concurrency": (
        "reserved_concurrency = 5\n", "reserved concurrency of function orders",
    ),
    "provisioned_concurrency": (
        "provisioned_concurrency = 2\n", "provisioned concurrency of function orders",
    ),
    "maximum_retry_attempts": (
        "maximum_retry_attempts = 0\n", "retries of asynchronous invocations of function orders",
    ),
    "on_failure": (
        f'on_failure = "{DEAD}"\n', "on failure of asynchronous invocations of function orders",
    ),
    "cors": (CORS, "allow origins of URL of orders"),
}  # fmt: skip


def by_hand(world: World, key: str) -> None:
    """Set it as a person does, past the table."""
    of = world.aws()
    live = {"FunctionName": "orders", "Qualifier": "live"}
    configured: dict[str, dict[str, Any]] = {
        "tracing": {"TracingConfig": {"Mode": "Active"}},
        "dead_letter": {"DeadLetterConfig": {"TargetArn": DEAD}},
        "kms_key": {"KMSKeyArn": KEY},
        "snapstart": {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        "log_format": {"LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/orders"}},
    }
    if key in configured:
        of.call("lambda", "update_function_configuration", FunctionName="orders", **configured[key])
    others: dict[str, tuple[str, dict[str, Any]]] = {
        "reserved_concurrency": (
            "put_function_concurrency",
            {"FunctionName": "orders", "ReservedConcurrentExecutions": 5},
        ),
        "provisioned_concurrency": (
            "put_provisioned_concurrency_config", {**live, "ProvisionedConcurrentExecutions": 2},
        ),
        "maximum_retry_attempts": (
            "put_function_event_invoke_config", {**live, "MaximumRetryAttempts": 0},
        ),
        "on_failure": (
            "put_function_event_invoke_config",
            {**live, "DestinationConfig": {"OnFailure": {"Destination": DEAD}}},
        ),
        "cors": ("update_function_url_config", {**live, "Cors": {"AllowOrigins": ["*"]}}),
    }  # fmt: skip
    if key in others:
        of.call("lambda", others[key][0], **others[key][1])


def recorded(world: World) -> str:
    found = world.client("lambda").get_function(FunctionName="orders")
    return str(found["Tags"][record.TAG])


def drift(world: World) -> Plan:
    return deployment.drift(world.project(), world.aws(), world.told)


def began(key: str) -> str:
    return ONE + (URL if key == "cors" else "")


@pytest.mark.parametrize("key", TABLE)
def test_what_a_hand_has_set_stays(world: World, key: str) -> None:
    """A plan does not list it, a deployment leaves it, and diff calls it foreign."""
    table, what = TABLE[key]
    world.write(began(key))
    world.deploy()
    by_hand(world, key)
    assert world.plan().steps == ()
    (foreign,) = drift(world).steps
    assert (foreign.action, foreign.what) == ("foreign", what)
    # Another setting is released beside it.
    world.write(began(key) + "memory = 256\n")
    world.deploy()
    assert {step.what for step in drift(world).steps} == {what}
    # Who declares it then owns it, and can take it back.
    world.write(ONE + table + "memory = 256\n")
    world.deploy()
    assert recorded(world) == key
    assert drift(world).steps == ()
    world.write(began(key) + "memory = 256\n")
    assert world.plan().steps != ()
    world.deploy()
    assert recorded(world) == "none"
    assert (world.plan().steps, drift(world).steps) == ((), ())


def test_a_part_that_a_hand_has_set(world: World) -> None:
    """AWS takes logging, and what is asynchronous, as a whole: the other part goes back with it."""
    world.write(ONE)
    world.deploy()
    live: dict[str, Any] = {"FunctionName": "orders", "Qualifier": "live"}
    of = world.aws()
    of.call("lambda", "put_function_event_invoke_config", **live, MaximumRetryAttempts=1)
    world.write(ONE + 'maximum_event_age = 60\nlog_format = "JSON"\n')
    world.deploy()
    found = of.call("lambda", "get_function_event_invoke_config", **live)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    logging = {"LogFormat": "JSON", "LogGroup": "/aws/lambda/orders"}
    logging["ApplicationLogLevel"] = "DEBUG"
    of.call("lambda", "update_function_configuration", FunctionName="orders", LoggingConfig=logging)
    world.write(ONE + 'log_format = "JSON"\nmemory = 256\nsystem_log_level = "WARN"\n')
    world.deploy()
    now = of.call("lambda", "get_function_configuration", FunctionName="orders")["LoggingConfig"]
    assert (now["ApplicationLogLevel"], now["SystemLogLevel"]) == ("DEBUG", "WARN")
    found = of.call("lambda", "get_function_event_invoke_config", **live)
    assert (found["MaximumRetryAttempts"], "MaximumEventAgeInSeconds" in found) == (1, False)


def test_a_usual_value_that_is_declared_is_declared(world: World) -> None:
    """The table has the last word where it has a word, also if that is the default."""
    world.write(ONE + 'tracing = "PassThrough"\n')
    world.deploy()
    by_hand(world, "tracing")
    assert [str(step) for step in world.plan().steps] == [
        "update configuration of function orders: tracing Active → PassThrough"
    ]


def test_a_function_that_was_deployed_before_there_was_a_record(world: World) -> None:
    """Nothing is taken back; that is said once, and from then on there is a record."""
    world.write(ONE + 'dead_letter = "' + DEAD + '"\n')
    world.deploy()
    arn = world.client("lambda").get_function(FunctionName="orders")["Configuration"]["FunctionArn"]
    world.client("lambda").untag_resource(Resource=arn, TagKeys=[record.TAG])
    by_hand(world, "tracing")
    by_hand(world, "reserved_concurrency")
    plan = world.plan()
    assert [str(step) for step in plan.steps] == [
        "update tags of function orders: lambda-runtime:settings"
    ]
    (note,) = [note for note in plan.notes if "recorded" in note]
    assert "stays, as if set by hand: reserved concurrency, TracingConfig. To take" in note
    world.deploy()
    assert recorded(world) == "dead_letter"
    plan = world.plan()
    assert (plan.steps, [note for note in plan.notes if "recorded" in note]) == ((), [])


def test_the_record_is_written_before_and_cleared_after(world: World) -> None:
    """Killed after each change in turn: what was set is never forgotten, and all is taken back."""
    both = ONE + TABLE["tracing"][0] + TABLE["on_failure"][0] + TABLE["reserved_concurrency"][0]
    world.write(ONE)
    world.deploy()
    aws = world.aws(Mortal)
    assert isinstance(aws, Mortal)
    for table in (both, ONE):
        world.write(table)
        for changes in range(1, 40):
            aws.changes_left = changes
            try:
                deployment.deploy(world.project(), aws, world.told, builder=world.images)
            except Killed:
                # Whatever is live beside the table is known as the table's.
                assert all(step.action != "foreign" for step in drift(world).steps)
            else:
                break
        assert (world.plan().steps, drift(world).steps) == ((), ())
    assert recorded(world) == "none"


def test_killed_once_at_any_place(world: World) -> None:
    """A deployment that goes on from there takes all of it back."""
    tables = [TABLE[key][0] for key in TABLE if key not in ("cors", "provisioned_concurrency")]
    for _ in range(examples(1)):
        full = ONE + "".join(tables) + CORS
        world.write(full)
        world.deploy()
        names = " ".join(sorted({*TABLE} - {"provisioned_concurrency"}))
        assert recorded(world) == names
        world.write(ONE)
        aws = world.aws(Mortal)
        assert isinstance(aws, Mortal)
        aws.changes_left = chance("record").randint(1, 12)
        try:
            deployment.deploy(world.project(), aws, world.told, builder=world.images)
        except Killed:
            world.deploy()
        assert recorded(world) == "none"
        assert (world.plan().steps, drift(world).steps) == ((), ())


def test_filters_of_a_mapping(world: World) -> None:
    """Those of a hand stay and are told, those of the table are taken back."""
    queue = 'triggers = [{ type = "sqs", queue = "jobs" }]\n'
    filtered = queue.replace("}]", ', filters = [\'{"body": ["b"]}\'] }]')
    world.write(ONE + queue)
    world.deploy()
    lambdas = world.client("lambda")
    (mapping,) = lambdas.list_event_source_mappings()["EventSourceMappings"]
    criteria = {"Filters": [{"Pattern": '{"body": ["a"]}'}]}
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria=criteria)
    assert world.plan().steps == ()
    (foreign,) = drift(world).steps
    assert foreign.what == "FilterCriteria of mapping of queue jobs to orders"
    # What is changed beside it does not take it back.
    world.write(ONE + queue.replace("}]", ", batch_size = 5 }]"))
    world.deploy()
    assert [step.what for step in drift(world).steps] == [foreign.what]
    world.write(ONE + filtered)
    world.deploy()
    assert (world.plan().steps, drift(world).steps) == ((), ())
    world.write(ONE + queue)
    assert len(world.plan().steps) == 1
    world.deploy()
    assert (world.plan().steps, drift(world).steps) == ((), ())


def test_a_filter_that_is_declared_as_a_hand_has_set_it(world: World) -> None:
    """It is the table's from then on, though nothing of the mapping changes."""
    queue = 'triggers = [{ type = "sqs", queue = "jobs" }]\n'
    world.write(ONE + queue)
    world.deploy()
    lambdas = world.client("lambda")
    (mapping,) = lambdas.list_event_source_mappings()["EventSourceMappings"]
    criteria = {"Filters": [{"Pattern": '{"body": ["a"]}'}]}
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria=criteria)
    world.write(ONE + queue.replace("}]", ', filters = [\'{"body": ["a"]}\'] }]'))
    assert [str(step) for step in world.plan().steps] == [
        "update record of settings of mapping of queue jobs to orders: filters"
    ]
    world.deploy()
    assert world.plan().steps == ()
    world.write(ONE + queue)
    assert len(world.plan().steps) == 1


def test_the_record_fits_into_a_tag() -> None:
    """256 characters, of the letters that AWS takes; each name is of a key, and each key is named.

    A key whose usual value AWS itself sets, and that is left out of the record, would be taken back
    from who set it by hand.
    """
    whole = record.text(record.ALL)
    assert len(whole) <= 256
    assert set(whole) <= set("abcdefghijklmnopqrstuvwxyz_ ")
    assert record.names({record.TAG: whole}) == frozenset(record.ALL)
    assert record.names({record.TAG: "tracing of another version"}) == frozenset({"tracing"})
    assert {*record.ALL} - {*FUNCTION_KEYS} == {*record.CORS}
    kept = {key for key, (operation, _) in NOT_KEPT.items() if operation == _ASYNCHRONOUS}
    assert kept == {*record.ASYNCHRONOUS}
    always = {"handler", "ephemeral_storage"}
    kept = {key for key, (operation, _) in NOT_KEPT.items() if operation == _CONFIGURE}
    assert kept - always == {*record.CONFIGURATION}
