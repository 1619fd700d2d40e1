"""From flags, variables and the table to a Project, and what AWS would refuse."""

import re
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.project import keys
from amazon_lambda_runtime.project.declaration import Durable, Project
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.settings import load
from amazon_lambda_runtime.project.triggers import SqsTrigger


def read(folder: Path, table: str = "", flags: Any = None, **variables: str) -> Project:
    if table:
        (folder / "pyproject.toml").write_text(f"[tool.lambda-runtime]\n{table}")
    return load(folder, flags, variables)


def test_nothing_but_defaults(tmp_path: Path) -> None:
    """Without a table and without variables there are the original's defaults."""
    project = read(tmp_path)
    assert (project.repository, project.image) == ("python-lambda-poc", "python-lambda-poc")
    assert project.module == "hello.py"
    assert not project.declared
    (function,) = project.functions
    assert (function.name, function.role) == ("hello-python", "lambda-role")
    assert function.triggers == ()


def test_flags_win_then_variables_then_the_table(tmp_path: Path) -> None:
    """The nearer to the command, the stronger; an empty variable says nothing."""
    table = 'repository = "table"\nregion = "eu-west-1"\nrole = "table"\n'
    project = read(
        tmp_path,
        table,
        {"region": "eu-west-3", "profile": None},
        REGION="eu-west-2",
        REPO_NAME="variable",
        AWS_PROFILE="p",
        ROLE_NAME="",
    )
    assert (project.region, project.repository, project.profile) == ("eu-west-3", "variable", "p")
    assert project.functions[0].role == "table"


def test_every_variable(tmp_path: Path) -> None:
    """All eleven variables of the Makefile are heard."""
    (tmp_path / "mine").write_text("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess\n")
    project = read(
        tmp_path,
        IMAGE_NAME="image",
        AWS_PROFILE="profile",
        REGION="eu-west-2",
        REPO_NAME="repo",
        FUNCTION_NAME="function",
        ROLE_NAME="role",
        POLICIES_FILE="mine",
        AWS_ACCOUNT="123456789012",
        LAMBDA_MODULE="orders.py",
        QUEUE_NAME="queue",
        BATCH_SIZE="7",
    )
    (function,) = project.functions
    assert (project.image, project.profile, project.region) == ("image", "profile", "eu-west-2")
    assert (project.repository, project.account, project.module) == (
        "repo",
        "123456789012",
        "orders.py",
    )
    assert (function.name, function.role) == ("function", "role")
    assert function.policies == ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",)
    assert function.triggers == (SqsTrigger("queue", batch_size=7),)


def test_a_batch_of_none(tmp_path: Path) -> None:
    """0 is a number that is given, by the variable or the option, and out of range."""
    for flags, variables in (({}, {"BATCH_SIZE": "0"}), ({"batch_size": 0}, {})):
        with pytest.raises(ConfigError, match="has to be 1 to 10000"):
            load(tmp_path, {"queue_name": "q", **flags}, variables)


def test_several_functions_share_what_the_table_says(tmp_path: Path) -> None:
    """A function has the project's values, and its own over them."""
    table = """
memory = 256
environment = { LOG_LEVEL = "info", SHOP = "1" }
[tool.lambda-runtime.functions.orders]
handler = "orders.handler"
environment = { LOG_LEVEL = "debug" }
[tool.lambda-runtime.functions.bills]
memory = 512
[[tool.lambda-runtime.functions.bills.triggers]]
type = "sqs"
queue = "bills"
"""
    orders, bills = read(tmp_path, table).functions
    assert (orders.memory, bills.memory) == (256, 512)
    assert orders.environment == {"LOG_LEVEL": "debug", "SHOP": "1"}
    assert (orders.role, bills.role) == ("orders-role", "bills-role")
    assert bills.triggers == (SqsTrigger("bills"),)
    (named,) = read(tmp_path, "", {"function": "bills"}, ROLE_NAME="mine").functions
    assert named.role == "mine"
    chosen = read(tmp_path, "", {"function": "bills"})
    assert (chosen.functions, chosen.others) == ((bills,), (orders,))
    with pytest.raises(ConfigError, match="there is no function 'bill': did you mean 'bills'"):
        read(tmp_path, "", {"function": "bill"})


def test_the_environment_file(tmp_path: Path) -> None:
    """A dotenv file is read as it stands; the table wins; nothing of it is shown."""
    (tmp_path / ".env").write_text('# secret\nexport TOKEN="a b#c"\nLOG_LEVEL=info\nRAW=$HOME\n')
    table = 'environment_file = ".env"\nenvironment = { LOG_LEVEL = "debug" }\n'
    project = read(tmp_path, table)
    assert project.functions[0].environment == {
        "TOKEN": "a b#c",
        "LOG_LEVEL": "debug",
        "RAW": "$HOME",
    }
    assert "a b#c" not in repr(project)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("memroy = 128", "unknown key 'memroy': did you mean 'memory'?"),
        ('memory = "128"', "memory is a whole number, not '128'"),
        ("memory = true", "memory is a whole number, not True"),
        ("memory = 127", "memory of hello-python is 127: it has to be 128 to 10240 (MB)"),
        ("timeout = 901", "it has to be 1 to 900 (seconds)"),
        ("ephemeral_storage = 511", "it has to be 512 to 10240 (MB)"),
        ("retention = 8", "retention of hello-python is 8"),
        ('dockerfile = "none"', "cannot read the dockerfile: there is no file"),
        ("keep = 0", "keep is 0: it has to be 1 to 1000"),
        (
            'architecture = "arm"',
            "architecture of hello-python is 'arm': it has to be x86_64 or arm64",
        ),
        ('engine = "kaniko"', "engine is 'kaniko'"),
        ('function = "a b"', "the function name is 'a b'"),
        ('role = "a/b"', "role of hello-python is 'a/b'"),
        ('repository = "Orders"', "repository is 'Orders'"),
        ('account = "12"', "12 digits (AWS_ACCOUNT)"),
        ('image_uri = "a/b:latest"', "a tag may move"),
        ('policies = ["Admin"]', "the ARN of a managed policy"),
        ("policies = [1]", "policies is a list of strings"),
        ('environment = { AWS_REGION = "x" }', "the variable AWS_REGION of hello-python is Lambda"),
        ('environment = { A-B = "x" }', "a variable of hello-python is 'A-B'"),
        ("environment = { AB = 1 }", "the variable AB of hello-python is not a string"),
        (f'environment = {{ AB = "{"x" * 4090}" }}', "bytes as JSON; Lambda takes 4096"),
        ('environment_file = "none"', "none: No such file or directory"),
        ('policies_file = "none"', "cannot read the policies"),
        ('payload = "none"', "the payload of hello-python cannot be read"),
        ('subnets = ["subnet-1"]', "a VPC takes both"),
        ('tags = { "lambda-runtime:project" = "x" }', "nor of this tool"),
        ('tags = { "a*" = "x" }', "a tag of hello-python is 'a*': it has to be of letters, digits"),
        ('tags = { a = "x,y" }', "the tag a of hello-python is 'x,y': it has to be of letters"),
        (
            f"tags = {{ {', '.join(f't{n} = 1' for n in range(41))} }}",
            "41 tags of hello-python: up",
        ),
        (f'description = "{"x" * 257}"', "longer than 256 characters"),
        ("reserved_concurrency = -1", "it has to be 0 or more"),
        ("triggers = [{}]", "trigger 1 of hello-python has type None: it is one of sqs, kinesis"),
        ('triggers = [{ type = "sqs" }]', "trigger 1 of hello-python (sqs) has no queue"),
        ('triggers = [{ type = "sqs", queue = "a", batch = 1 }]', "did you mean 'batch_size'?"),
        ('triggers = [{ type = "url", auth = "OPEN" }]', "it has to be NONE or AWS_IAM"),
        ('triggers = [{ type = "url", mode = "SLOW" }]', "BUFFERED or RESPONSE_STREAM"),
        ('triggers = [{ type = "url" }, { type = "url" }]', "a function has one URL"),
        ('triggers = [{ type = "sns", topic = "a b" }]', "topic of hello-python is 'a b'"),
        ('triggers = [{ type = "eventbridge", rule = "r", pattern = "x" }]', "is not JSON"),
        (
            'triggers = [{ type = "schedule", rule = "r", expression = "rate(1 minutes)" }]',
            "which EventBridge refuses: AWS wants rate(1 minute)",
        ),
        (
            'triggers = [{ type = "schedule", rule = "r", expression = "cron(0 3 * * * *)" }]',
            "refuses: one of day of month and day of week has to be ?",
        ),
        (
            'triggers = [{ type = "schedule", rule = "r", expression = "rate(5 minute)" }]',
            "rate(5 minutes)",
        ),
        ('triggers = [{ type = "alb", target_group = "-a" }]', "none of them at an end"),
        ('triggers = [{ type = "s3", bucket = "A" }]', "bucket of hello-python is 'A'"),
        ('triggers = [{ type = "s3", bucket = "abc", via = "x" }]', "direct, sns or sqs"),
        ('triggers = [{ type = "s3", bucket = "abc", via = "sns" }]', "give its topic"),
        ('triggers = [{ type = "s3", bucket = "abc", via = "sqs" }]', "name the queue of an sqs"),
        ('triggers = [{ type = "s3", bucket = "abc", events = ["Put"] }]', "s3:ObjectCreated:*"),
    ],
)
def test_what_aws_would_refuse(tmp_path: Path, table: str, message: str) -> None:
    """One clear line, before anything is called."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, table)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ('queue = "a", batch_size = 11', "above 10: that takes a window of at least 1 second"),
        ('queue = "a", batch_size = 10001, window = 1', "it has to be 1 to 10000"),
        ('queue = "a.fifo", batch_size = 11', "it has to be 1 to 10"),
        ('queue = "a.fifo", window = 1', "a FIFO queue takes none"),
        ('queue = "a.fifo", dlq = "b"', "both .fifo, or neither"),
        ('queue = "a", max_concurrency = 1', "it has to be 2 to 1000"),
        ('queue = "a", visibility = 17', "it has to be 18 to 43200"),
        ('queue = "a", window = 301', "it has to be 0 to 300"),
        ('queue = "a", retention = 1', "it has to be 60 to 1209600"),
    ],
)
def test_the_limits_of_a_queue(tmp_path: Path, trigger: str, message: str) -> None:
    """FIFO takes 10 at a time; standard 10,000, and above 10 only with a window."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'triggers = [{{ type = "sqs", {trigger} }}]')
    assert message in str(caught.value)


def test_what_aws_takes(tmp_path: Path) -> None:
    """The edges of the limits are inside."""
    read(
        tmp_path,
        "memory = 10240\ntimeout = 900\nretention = 0\nephemeral_storage = 10240\n"
        'triggers = [{ type = "sqs", queue = "a", batch_size = 10000, window = 1 },'
        '{ type = "sqs", queue = "a.fifo", batch_size = 10 }]',
    )


DAYS = "1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653"
RESERVED = """
_HANDLER _X_AMZN_TRACE_ID AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV
AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION
AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME
AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN LAMBDA_RUNTIME_DIR
LAMBDA_TASK_ROOT
"""


def test_retention(tmp_path: Path) -> None:
    """Each number of days that CloudWatch Logs takes, and not those beside it; 0 is for ever."""
    days = {int(day) for day in DAYS.split()}
    for number in sorted({day + step for day in days for step in (-1, 0, 1)} - {0}):
        if number in days:
            assert read(tmp_path, f"retention = {number}").functions[0].retention == number
        else:
            with pytest.raises(ConfigError, match=f"retention of hello-python is {number}"):
                read(tmp_path, f"retention = {number}")
    assert read(tmp_path, "retention = 0").functions[0].retention is None


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("memory", 128, 10_240),
        ("timeout", 1, 900),
        ("ephemeral_storage", 512, 10_240),
        ("keep", 1, 1000),
        ('"sqs", queue = "a", max_concurrency', 2, 1000),
        ('"sqs", queue = "a", window', 0, 300),
        ('"sqs", queue = "a", retention', 60, 1_209_600),
        ('"sqs", queue = "a", visibility', 18, 43_200),
        ('"sqs", queue = "a", max_receive_count', 1, 1000),
        ('"alb", target_group = "a", priority', 1, 50_000),
    ],
)
def test_ranges(tmp_path: Path, key: str, low: int, high: int) -> None:
    """Both ends of a range are allowed, and the next number is not."""
    table = f"triggers = [{{{{ type = {key} = {{}} }}}}]" if '"' in key else f"{key} = {{}}"
    for number in (low, high):
        read(tmp_path, table.format(number))
    whose = r"( of ((queue|target group) a of )?hello-python)?"
    unit = r"( \((MB|seconds|six times the timeout, up)\))?"
    for number in (low - 1, high + 1):
        told = rf"^{key.split()[-1]}{whose} is {number}: it has to be {low} to {high}{unit}$"
        with pytest.raises(ConfigError, match=told):
            read(tmp_path, table.format(number))


@pytest.mark.parametrize("name", RESERVED.split())
def test_reserved_variables(tmp_path: Path, name: str) -> None:
    """Lambda sets these itself, and refuses a function that sets them."""
    with pytest.raises(ConfigError, match=f"the variable {name} of hello-python is Lambda's own"):
        read(tmp_path, f'environment = {{ {name} = "x" }}')


@pytest.mark.parametrize("key", [*keys.PROJECT_KEYS, *keys.FUNCTION_KEYS])
def test_types(tmp_path: Path, key: str) -> None:
    """A value of a type that a key does not take is told with the type that it takes."""
    with pytest.raises(ConfigError, match=rf"{key} is (a|true) [a-z ]+, not 1\.5"):
        read(tmp_path, f"{key} = 1.5")


def test_reserved_concurrency_beside_a_queue(tmp_path: Path) -> None:
    """What a reserved concurrency throttles is received until it is dead: max_concurrency first."""
    table = 'reserved_concurrency = 1\ntriggers = [{ type = "sqs", queue = "a" }]'
    with pytest.raises(ConfigError, match="set max_concurrency"):
        read(tmp_path, table)
    with pytest.raises(ConfigError, match="is above reserved_concurrency"):
        read(tmp_path, table.replace('"a"', '"a", max_concurrency = 2'))


def test_queue_name_goes_into_the_declared_queue(tmp_path: Path) -> None:
    """QUEUE_NAME and BATCH_SIZE change the sqs trigger that there is, and add none."""
    table = 'triggers = [{ type = "sqs", queue = "a", max_receive_count = 9 }]'
    project = read(tmp_path, table, QUEUE_NAME="b", BATCH_SIZE="3")
    assert project.functions[0].triggers == (SqsTrigger("b", batch_size=3, max_receive_count=9),)
    with pytest.raises(ConfigError, match="BATCH_SIZE is 'x'"):
        read(tmp_path, table, QUEUE_NAME="b", BATCH_SIZE="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool", "is not TOML"),
        ("[tool]\nlambda-runtime = 1", "tool.lambda-runtime is not a table"),
        ("[tool.lambda-runtime.functions]\na = 1", "functions.a] is not a table"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    """The file's own mistakes are told with its name."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {}, {})
    assert message in str(caught.value)


def test_an_option_chooses_and_a_variable_names(tmp_path: Path) -> None:
    """--function is a function that there is; FUNCTION_NAME may be a second stage of the table."""
    (tmp_path / "pyproject.toml").write_text('[tool.lambda-runtime]\nfunction = "orders"\n')
    assert not load(tmp_path, {}, {}).narrowed
    assert load(tmp_path, {"function": "orders"}, {}).narrowed
    stage = load(tmp_path, {}, {"FUNCTION_NAME": "orders-test"})
    assert (stage.functions[0].name, stage.narrowed) == ("orders-test", True)
    assert load(tmp_path, {"function": "orders-test"}, {"FUNCTION_NAME": "orders-test"}).narrowed
    with pytest.raises(ConfigError, match=r"no function 'typo'.*has 'orders'.*FUNCTION_NAME=typo"):
        load(tmp_path, {"function": "typo"}, {})


def test_whether_the_table_has_a_retention(tmp_path: Path) -> None:
    """The default is for log groups of our own; a `retention` in the table is for any."""
    table = tmp_path / "pyproject.toml"
    for text, retains in (("", False), ("retention = 30\n", True)):
        table.write_text(f'[tool.lambda-runtime]\nfunction = "orders"\n{text}')
        function = load(tmp_path, {}, {}).functions[0]
        assert (function.retention, function.retains) == (30, retains)


def test_the_region(tmp_path: Path) -> None:
    """The option, REGION, AWS_REGION, AWS_DEFAULT_REGION, the table; then it is the profile's."""
    table = tmp_path / "pyproject.toml"
    table.write_text('[tool.lambda-runtime]\nregion = "table"\n')
    variables = {"REGION": "first", "AWS_REGION": "second", "AWS_DEFAULT_REGION": "third"}
    assert load(tmp_path, {"region": "option"}, variables).region == "option"
    for name, value in list(variables.items()):
        assert load(tmp_path, {}, variables).region == value
        variables[name] = ""
    assert load(tmp_path, {}, variables).region == "table"
    table.write_text("")
    assert load(tmp_path, {}, variables).region is None


def test_files_that_hold_secrets(tmp_path: Path) -> None:
    """The environment files of all functions, and what is packed nevertheless."""
    (tmp_path / "a.txt").write_text("AB=1\n")
    (tmp_path / "b.txt").write_text("BC=1\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.lambda-runtime]\nenvironment_file = "./a.txt"\ninclude = [".env.test"]\n'
        "[tool.lambda-runtime.functions.one]\n[tool.lambda-runtime.functions.two]\n"
        'environment_file = "b.txt"\n'
    )
    project = load(tmp_path, {}, {})
    assert project.environment_files == ("a.txt", "b.txt")
    assert project.include == (".env.test",)


CLICKS = "{ type = 'kinesis', stream = 'clicks'"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('log_level = "WARN"', "log_level of hello-python is for a log in JSON"),
        ('log_format = "JSON"\nlog_level = "LOUD"', "TRACE, DEBUG, INFO, WARN, ERROR or FATAL"),
        ("snapstart = true\nprovisioned_concurrency = 1", "AWS takes one of them"),
        ("snapstart = true\nephemeral_storage = 1024", "snapstart takes no more"),
        ("provisioned_concurrency = 0", "it has to be 1 or more"),
        ("provisioned_concurrency = 9\nreserved_concurrency = 5", "above reserved_concurrency, 5"),
        ("maximum_retry_attempts = 3", "it has to be 0 to 2"),
        ("maximum_event_age = 59", "60 to 21600"),
        ('dead_letter = "dead"', "it has to be the ARN of a queue or a topic"),
        ('on_failure = "arn:aws:iam::1:role/x"', "a queue, a topic, a function, a bus or a bucket"),
        ('kms_key = "alias/x"', "the ARN of a key"),
        ('permissions_boundary = "x"', "the ARN of a policy"),
        ('role_path = "shop"', "role_path of hello-python is 'shop'"),
        ('log_group = "a b"', "log_group of hello-python is 'a b'"),
        ('tracing = "active"', "PassThrough or Active"),
        (
            f"triggers = [{CLICKS}, batch_size = 0 }}]",
            "batch_size of stream clicks of hello-python",
        ),
        (f"triggers = [{CLICKS}, maximum_record_age = 5 }}]", "-1, or 60 to 604800 (seconds)"),
        (f"triggers = [{CLICKS}, filters = ['x'] }}]", "a filter of stream clicks of hello-python"),
        (
            """triggers = [{ type = 'sqs', queue = 'q', filters = ['{"body": "x"}'] }]""",
            'is refused by AWS: body has to be an object or a list: write ["x"]',
        ),
        (
            """triggers = [{ type = 'eventbridge', rule = 'r', pattern = '{"a": [{"b": 1}]}' }]""",
            "pattern of hello-python is refused by AWS: a: 'b' is not an operator",
        ),
        (f"triggers = [{CLICKS}, on_failure = 'q' }}]", "the ARN of a queue, a topic or a bucket"),
        (
            f"triggers = [{CLICKS}, tumbling_window = 5, parallelization_factor = 2 }}]",
            "a window is of a whole shard",
        ),
        (f"triggers = [{CLICKS}, starting_position = 'NOW' }}]", "TRIM_HORIZON or LATEST"),
        ("triggers = [{ type = 'kinesis', stream = 'a b' }]", "stream of hello-python is 'a b'"),
        ("triggers = [{ type = 'dynamodb', table = 'a' }]", "table of hello-python is 'a'"),
        ("triggers = [{ type = 'dynamodb' }]", "(dynamodb) has no table"),
        ("triggers = [{ type = 'sqs', queue = 'q', filters = ['x'] }]", "a filter of queue q"),
        ("triggers = [{ type = 'url', max_age = 5 }]", "CORS settings and no allow_origins"),
        (
            "triggers = [{ type = 'url', allow_origins = ['*'], allow_methods = ['OPTIONS'] }]",
            "a method of allow_methods of hello-python is 'OPTIONS'",
        ),
        (
            'role = "r"\n[tool.lambda-runtime.functions.a]\nrole_path = "/a/"\n'
            "[tool.lambda-runtime.functions.b]",
            "functions share the role r",
        ),
    ],
)
def test_keys_that_aws_would_refuse(tmp_path: Path, table: str, words: str) -> None:
    """Found before any call, with the range, or with what does not go together."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        read(tmp_path, table)


def test_durable(tmp_path: Path) -> None:
    """A durable function has how long an execution may take, and how long it is kept."""
    assert read(tmp_path, "").functions[0].durable is None
    assert read(tmp_path, "durable = true").functions[0].durable == Durable(900, 14)
    table = "durable = { execution_timeout = 86400, retention_days = 1 }"
    assert read(tmp_path, table).functions[0].durable == Durable(86_400, 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("durable = false", "durable is true or a table"),
        ("durable = { timeout = 3 }", r"durable of hello-python has an unknown key 'timeout'"),
        ("durable = { execution_timeout = true }", "execution_timeout is a whole number, not True"),
        ("durable = { execution_timeout = 0 }", r"is 0: it has to be 1 to 31622400 \(seconds\)"),
        ("durable = { execution_timeout = 31622401 }", "1 to 31622400"),
        ("durable = { retention_days = 91 }", r"is 91: it has to be 1 to 90 \(days\)"),
    ],
)
def test_durable_that_aws_would_refuse(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, table)


def test_names_of_dead_letter_queues() -> None:
    """That of a FIFO queue is one, too; a name that is given stands."""
    assert SqsTrigger("orders").dead_letter_queue == "orders-dlq"
    assert SqsTrigger("orders.fifo").dead_letter_queue == "orders-dlq.fifo"
    assert SqsTrigger("orders", dlq="lost").dead_letter_queue == "lost"


def test_other_requirements(tmp_path: Path) -> None:
    """The file is one of the project's folder."""
    (tmp_path / "other.txt").write_text("")
    project = read(tmp_path, 'requirements = "other.txt"')
    assert project.requirements == tmp_path / "other.txt"


def test_days_that_a_log_is_kept(tmp_path: Path) -> None:
    """Those of CloudWatch's API, and no day more."""
    days = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
    for each in (*days, 1096, 1827, 2192, 2557, 2922, 3288, 3653):
        assert read(tmp_path, f"retention = {each}").functions[0].retention == each
    for each in (2, 366, 3654):
        with pytest.raises(ConfigError, match="retention"):
            read(tmp_path, f"retention = {each}")


def test_an_image_is_named_by_its_digest(tmp_path: Path) -> None:
    """A tag may move."""
    uri = "1.dkr.ecr.eu-west-1.amazonaws.com/orders"
    assert read(tmp_path, f'image_uri = "{uri}@sha256:abc"').image_uri == f"{uri}@sha256:abc"
    with pytest.raises(ConfigError, match="image_uri"):
        read(tmp_path, f'image_uri = "{uri}:latest"')
