"""The matrix: for each key of the project file another value, and what a plan says of it.

`CASES` has a case for each key that changes something in AWS; `APART` names the test of each key
that one change of one function can't show. test_matrix.py holds both against the table of keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .fake_aws import ACCOUNT, REGION
from .world import BASIC, READ_S3

#: What every case begins with. No version goes: it is about one change, and a clean-up is another.
BASE = """
[tool.lambda-runtime]
name = "orders"
repository = "orders"
function = "orders"
role = "orders-role"
keep = 1000
"""


@dataclass(frozen=True)
class Case:
    """Two tables that differ in one key, and the steps from the first to the second and back."""

    after: str
    forth: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    before: str = ""
    #: What is said where AWS can't change it.
    refused: str = ""


def configured(after: str, *changes: str, first: tuple[str, ...] = (), before: str = "") -> Case:
    """Return the case of a setting of the function; each change reads "name old → new"."""
    there, back = "; ".join(changes), "; ".join(map(turned, changes))
    return Case(
        after,
        (*first, *_settings("configuration", there)),
        (*_settings("configuration", back), *map(undone, first)),
        before,
    )


def coded(after: str, change: str) -> Case:
    """Return the case of what comes with the code."""
    return Case(after, tuple(_settings("code", change)), tuple(_settings("code", turned(change))))


def asynchronous(after: str, change: str, *first: str) -> Case:
    """Return the case of a setting of asynchronous invocations."""
    step = "update asynchronous invocations of function orders:"
    return Case(
        after,
        (*first, f"{step} {change}"),
        (f"{step} {turned(change)}", *map(undone, first)),
    )


def triggered(trigger: str, key: str, *steps: str) -> Case:
    """Return the case of a trigger's key: each step reads "what: name old → new"."""
    return Case(
        f"triggers = [{{ {trigger}, {key} }}]",
        tuple(f"update {step}" for step in steps),
        tuple(f"update {turned(step)}" for step in steps),
        before=f"triggers = [{{ {trigger} }}]",
    )


def moved(before: str, after: str, forth: tuple[str, ...], back: tuple[str, ...]) -> Case:
    """Return the case of a trigger that another takes the place of."""
    return Case(f"triggers = [{{ {after} }}]", forth, back, f"triggers = [{{ {before} }}]")


def filtered(trigger: str, mapping: str) -> Case:
    """Return the case of a mapping's filters."""
    more = f"{trigger}, filters = ['{{\"a\": [1]}}']"
    steps = f'update {mapping}: filters none → {{"a": [1]}}'
    back = f'update {mapping}: filters {{"a": [1]}} → none'
    return moved(trigger, more, (steps,), (back,))


def streamed(kind: str, noun: str, name: str, other: str) -> Iterator[tuple[str, Case]]:
    """Yield the cases of a trigger's keys that polls a stream."""
    trigger = f'type = "{kind}", {noun} = "{name}"'
    mapping, second = (f"mapping of {noun} {each} to orders" for each in (name, other))
    policy = "update inline policy lambda-runtime-orders of role orders-role: its statements differ"
    ways = [
        (
            policy,
            f"create {made}: it does not exist yet",
            f"delete {gone}: it is not declared",
        )
        for made, gone in ((second, mapping), (mapping, second))
    ]
    yield f"{kind}.{noun}", moved(trigger, trigger.replace(f'"{name}"', f'"{other}"'), *ways)
    for key, value, change in (
        ("batch_size", "5", "batch size 100 → 5"),
        ("window", "5", "window 0 → 5"),
        ("parallelization_factor", "2", "parallelization factor 1 → 2"),
        ("bisect_on_error", "true", "bisect on error False → True"),
        ("maximum_retry_attempts", "0", "retries -1 → 0"),
        ("maximum_record_age", "60", "record age -1 → 60"),
        ("tumbling_window", "30", "tumbling window 0 → 30"),
        ("report_batch_item_failures", "true", "report batch item failures False → True"),
        ("enabled", "false", "enabled True → False"),
    ):
        yield f"{kind}.{key}", triggered(trigger, f"{key} = {value}", f"{mapping}: {change}")
    yield f"{kind}.filters", filtered(trigger, mapping)
    yield (
        f"{kind}.on_failure",
        moved(
            trigger,
            f'{trigger}, on_failure = "{DEAD}"',
            (policy, f"update {mapping}: on failure none → {DEAD}"),
            (policy, f"update {mapping}: on failure {DEAD} → none"),
        ),
    )
    yield (
        f"{kind}.starting_position",
        Case(
            f'triggers = [{{ {trigger}, starting_position = "LATEST" }}]',
            before=f"triggers = [{{ {trigger} }}]",
            refused="AWS cannot change it. Set it back; or remove the trigger",
        ),
    )


def turned(change: str) -> str:
    """Return the change back: "memory 256 → 128", "variable A removed"."""
    if " → " not in change:
        return change.replace(" added", " removed")
    head, new = change.split(" → ")
    name, _, old = head.rpartition(" ")
    return f"{name} {new} → {old}"


def undone(step: str) -> str:
    """Return the step that takes back a policy's creation."""
    what = step.removeprefix("create ").partition(": ")[0]
    return f"delete {what}: nothing is left to allow"


def _settings(part: str, change: str) -> Iterator[str]:
    yield f"update {part} of function orders: {change}"
    yield f"update alias orders:live: version N is not what is wanted: {change}"


INLINE = "create inline policy lambda-runtime-orders of role orders-role: it does not exist yet"
DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
QUEUE = 'type = "sqs", queue = "jobs"'
MAPPING = "mapping of queue jobs to orders"
BUCKET = 'type = "s3", bucket = "uploads"'
NOTIFIED = ("update notifications of bucket uploads to orders: they are not as declared",) * 2
TAGGED = (
    "repository orders", "role orders-role", "log group /aws/lambda/orders", "function orders",
)  # fmt: skip
# A rule by another name: what is done, there and back.
RENAMED = (
    (
        "create permission lambda-runtime-rule-s of orders: events.amazonaws.com may not invoke it",
        "create rule s: it does not exist yet",
        "create target orders of rule s: it does not exist yet",
        "delete rule r: it is not declared",
        "delete permission lambda-runtime-rule-r of orders: its trigger is not declared",
    ),
    (
        "create permission lambda-runtime-rule-r of orders: events.amazonaws.com may not invoke it",
        "create rule r: it does not exist yet",
        "create target orders of rule r: it does not exist yet",
        "delete rule s: it is not declared",
        "delete permission lambda-runtime-rule-s of orders: its trigger is not declared",
    ),
)
RULE = 'type = "eventbridge", rule = "r", pattern = \'{"source": ["a"]}\''
CLOCK = 'type = "schedule", rule = "r", expression = "rate(1 day)"'
GROUP = 'type = "alb", target_group = "g"'
REST = 'type = "rest-api", api = "front"'
API = 'type = "http-api", api = "front"'
URL = 'type = "url"'
LISTENED = f'{GROUP}, listener = "LISTENER"'


CASES: dict[str, Case] = {
    # --- of the project
    "repository": Case(
        'repository = "other"',
        (
            "create repository other: it does not exist yet",
            "update policy of repository other: Lambda may not read its images",
            "create image other@sha256:aaaaaaaaaaaa: it is not in the repository",
            "update mark of image other@sha256:aaaaaaaaaaaa: clean-ups recognise it by that",
        ),
    ),
    "image": Case('image = "other"'),
    "image_uri": coded(
        f'image_uri = "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/orders@sha256:{"b" * 64}"',
        f"image {'a' * 12} → {'b' * 12}",
    ),
    "module": Case('module = "other.py"'),
    "engine": Case('engine = "native"'),
    "architecture": coded('architecture = "arm64"', "architecture x86_64 → arm64"),
    "dockerfile": Case('dockerfile = "policies"'),
    "base": Case('base = "python:3.12"'),
    "requirements": Case('requirements = "policies"'),
    "include": Case('include = ["policies"]'),
    "profile": Case('profile = "default"'),
    # Nothing streams: the variable that tells the runtime of it is not set.
    "web": Case("web = true"),
    "account": Case(f'account = "{ACCOUNT}"'),
    "durable": configured(
        "durable = { execution_timeout = 60, retention_days = 3 }",
        "execution timeout 900 → 60",
        "retention of executions 14 → 3",
        before="durable = true",
    ),
    "name": Case(
        'name = "other"', refused="function orders exists and belongs to project 'orders'.*--adopt"
    ),
    # --- of the function
    "role": Case(
        'role = "other"',
        (
            "create role other: it does not exist yet",
            f"create policy {BASIC} of role other: it is not attached",
            *_settings("configuration", "role orders-role → other"),
        ),
        tuple(_settings("configuration", "role other → orders-role")),
    ),
    "handler": configured('handler = "orders.handler"', "handler none → orders.handler"),
    "memory": configured("memory = 256", "memory 128 → 256"),
    "timeout": configured("timeout = 5", "timeout 3 → 5"),
    "description": configured('description = "x"', "description none → x"),
    "ephemeral_storage": configured("ephemeral_storage = 1024", "ephemeral storage 512 → 1024"),
    "environment": configured('environment = { AB = "1" }', "variable AB added"),
    "environment_file": configured('environment_file = "some.env"', "variable AB added"),
    "subnets": configured(
        'subnets = ["subnet-1"]\nsecurity_groups = ["sg-1"]',
        "subnets none → subnet-1",
        "security groups none → sg-1",
        first=(INLINE,),
    ),
    "tags": Case(
        'tags = { team = "x" }',
        tuple(f"update tags of {what}: team" for what in TAGGED),
        tuple(f"update tags of {what}: team removed" for what in TAGGED),
    ),
    "retention": Case(
        "retention = 7",
        ("update retention of log group /aws/lambda/orders: 30 days → 7 days",),
        ("update retention of log group /aws/lambda/orders: 7 days → 30 days",),
    ),
    "reserved_concurrency": Case(
        "reserved_concurrency = 5",
        ("update reserved concurrency of function orders: none → 5",),
        ("update reserved concurrency of function orders: 5 → none",),
    ),
    "provisioned_concurrency": Case(
        "provisioned_concurrency = 2",
        ("update provisioned concurrency of function orders: none → 2",),
        ("update provisioned concurrency of function orders: 2 → none",),
    ),
    "snapstart": configured("snapstart = true", "SnapStart None → PublishedVersions"),
    "tracing": configured('tracing = "Active"', "tracing PassThrough → Active", first=(INLINE,)),
    "log_format": configured('log_format = "JSON"', "log format Text → JSON"),
    "log_level": Case(
        'log_format = "JSON"\nlog_level = "ERROR"',
        tuple(_settings("configuration", "log level INFO → ERROR")),
        tuple(_settings("configuration", "log level ERROR → INFO")),
        'log_format = "JSON"',
    ),
    "system_log_level": Case(
        'log_format = "JSON"\nsystem_log_level = "WARN"',
        tuple(_settings("configuration", "system log level INFO → WARN")),
        tuple(_settings("configuration", "system log level WARN → INFO")),
        'log_format = "JSON"',
    ),
    "log_group": Case(
        'log_group = "shared"',
        (
            "create log group shared: it does not exist yet",
            "update retention of log group shared: for ever → 30 days",
            *_settings("configuration", "log group /aws/lambda/orders → shared"),
        ),
        tuple(_settings("configuration", "log group shared → /aws/lambda/orders")),
    ),
    "kms_key": configured(f'kms_key = "{KEY}"', f"KMS key none → {KEY}"),
    "dead_letter": configured(
        f'dead_letter = "{DEAD}"', f"dead letter none → {DEAD}", first=(INLINE,)
    ),
    "on_failure": asynchronous(f'on_failure = "{DEAD}"', f"on failure none → {DEAD}", INLINE),
    "on_success": asynchronous(f'on_success = "{DEAD}"', f"on success none → {DEAD}", INLINE),
    "maximum_retry_attempts": asynchronous("maximum_retry_attempts = 0", "retries 2 → 0"),
    "maximum_event_age": asynchronous("maximum_event_age = 60", "event age 21600 → 60"),
    "permissions_boundary": Case(
        f'permissions_boundary = "{READ_S3}"',
        (f"update permissions boundary of role orders-role: none → {READ_S3}",),
        (f"update permissions boundary of role orders-role: {READ_S3} → none",),
    ),
    "role_path": Case(
        'role_path = "/shop/"', refused="IAM cannot move a role. Give it another name"
    ),
    "policies": Case(
        f'policies = ["{READ_S3}"]',
        (f"create policy {READ_S3} of role orders-role: it is not attached",),
        (f"delete policy {READ_S3} of role orders-role: it is no longer listed",),
    ),
    "policies_file": Case(
        'policies_file = "more"',
        (f"create policy {READ_S3} of role orders-role: it is not attached",),
        (f"delete policy {READ_S3} of role orders-role: it is no longer listed",),
    ),
    "statements": Case(
        'statements = [{ Sid = "A", Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]',
        (INLINE,),
        (undone(INLINE),),
    ),
    "payload": Case('payload = "other.json"'),
    "triggers": Case(
        f"triggers = [{{ {URL} }}]",
        ("create URL of orders: it does not exist yet",),
        ("delete URL of orders: it is not declared",),
    ),
    # --- of triggers
    "sqs.queue": moved(
        QUEUE,
        QUEUE.replace("jobs", "tasks"),
        (
            "update inline policy lambda-runtime-orders of role orders-role: its statements differ",
            "create queue tasks-dlq: it does not exist yet",
            "create queue tasks: it does not exist yet",
            "create mapping of queue tasks to orders: it does not exist yet",
            "delete mapping of queue jobs to orders: it is not declared",
        ),
        (
            "update inline policy lambda-runtime-orders of role orders-role: its statements differ",
            "create mapping of queue jobs to orders: it does not exist yet",
            "delete mapping of queue tasks to orders: it is not declared",
        ),
    ),
    "sqs.batch_size": triggered(QUEUE, "batch_size = 5", f"{MAPPING}: batch size 10 → 5"),
    "sqs.window": triggered(
        QUEUE,
        "window = 5",
        "queue jobs: VisibilityTimeout 18 → 23",
        f"{MAPPING}: window 0 → 5",
    ),
    "sqs.max_concurrency": triggered(
        QUEUE, "max_concurrency = 5", f"{MAPPING}: maximum concurrency none → 5"
    ),
    "sqs.report_batch_item_failures": triggered(
        QUEUE,
        "report_batch_item_failures = true",
        f"{MAPPING}: report batch item failures False → True",
    ),
    "sqs.visibility": triggered(QUEUE, "visibility = 60", "queue jobs: VisibilityTimeout 18 → 60"),
    "sqs.retention": triggered(
        QUEUE, "retention = 60", "queue jobs: MessageRetentionPeriod 345600 → 60"
    ),
    "sqs.dlq": moved(
        QUEUE,
        f'{QUEUE}, dlq = "dead"',
        ("create queue dead: it does not exist yet", "update queue jobs: RedrivePolicy REDRIVE"),
        ("update queue jobs: RedrivePolicy REDRIVE",),
    ),
    "sqs.max_receive_count": triggered(
        QUEUE, "max_receive_count = 4", "queue jobs: RedrivePolicy REDRIVE"
    ),
    "sqs.enabled": triggered(QUEUE, "enabled = false", f"{MAPPING}: enabled True → False"),
    "sqs.filters": filtered(QUEUE, MAPPING),
    **dict(streamed("kinesis", "stream", "clicks", "taps")),
    **dict(streamed("dynamodb", "table", "orders", "bills")),
    "s3.bucket": moved(
        BUCKET,
        BUCKET.replace("uploads", "others"),
        (
            "create permission lambda-runtime-s3-others of orders: s3.amazonaws.com may not invoke "
            "it",
            "create notifications of bucket others to orders: there are none yet",
            "delete notifications of bucket uploads to orders: they are not declared",
            "delete permission lambda-runtime-s3-uploads of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-s3-uploads of orders: s3.amazonaws.com may not "
            "invoke it",
            "create notifications of bucket uploads to orders: there are none yet",
            "delete notifications of bucket others to orders: they are not declared",
            "delete permission lambda-runtime-s3-others of orders: its trigger is not declared",
        ),
    ),
    **{
        f"s3.{key}": moved(BUCKET, f"{BUCKET}, {more}", NOTIFIED[:1], NOTIFIED[:1])
        for key, more in {
            "events": 'events = ["s3:ObjectRemoved:*"]',
            "prefix": 'prefix = "in/"',
            "suffix": 'suffix = ".csv"',
        }.items()
    },
    "s3.via": moved(
        BUCKET,
        f'{BUCKET}, via = "sns", topic = "news"',
        (
            "create permission lambda-runtime-sns-news of orders: sns.amazonaws.com may not invoke "
            "it",
            "create topic news: it does not exist yet",
            "create subscription of orders to topic news: it does not exist yet",
            "update policy of topic news: bucket uploads may not send to it",
            *NOTIFIED[:1],
            "delete permission lambda-runtime-s3-uploads of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-s3-uploads of orders: s3.amazonaws.com may not "
            "invoke it",
            *NOTIFIED[:1],
            "delete statement of topic news: bucket uploads no longer sends to it",
            "delete subscription of orders to topic news: it is not declared",
            "delete permission lambda-runtime-sns-news of orders: its trigger is not declared",
        ),
    ),
    "s3.topic": moved(
        f'{BUCKET}, via = "sns", topic = "news"',
        f'{BUCKET}, via = "sns", topic = "letters"',
        (
            "create permission lambda-runtime-sns-letters of orders: sns.amazonaws.com may not "
            "invoke it",
            "create topic letters: it does not exist yet",
            "create subscription of orders to topic letters: it does not exist yet",
            "update policy of topic letters: bucket uploads may not send to it",
            *NOTIFIED[:1],
            "delete statement of topic news: bucket uploads no longer sends to it",
            "delete subscription of orders to topic news: it is not declared",
            "delete permission lambda-runtime-sns-news of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-sns-news of orders: sns.amazonaws.com may not "
            "invoke it",
            "create subscription of orders to topic news: it does not exist yet",
            "update policy of topic news: bucket uploads may not send to it",
            *NOTIFIED[:1],
            "delete statement of topic letters: bucket uploads no longer sends to it",
            "delete subscription of orders to topic letters: it is not declared",
            "delete permission lambda-runtime-sns-letters of orders: its trigger is not declared",
        ),
    ),
    "s3.queue": Case(
        f'triggers = [{{ {QUEUE} }}, {{ {BUCKET}, via = "sqs", queue = "jobs" }}]',
        (
            "update policy of queue jobs: bucket uploads may not send to it",
            "create notifications of bucket uploads to orders: there are none yet",
        ),
        (
            "delete notifications of bucket uploads to orders: they are not declared",
            "delete statement of queue jobs: bucket uploads no longer sends to it",
        ),
        before=f"triggers = [{{ {QUEUE} }}]",
    ),
    "sns.topic": moved(
        'type = "sns", topic = "news"',
        'type = "sns", topic = "letters"',
        (
            "create permission lambda-runtime-sns-letters of orders: sns.amazonaws.com may not "
            "invoke it",
            "create topic letters: it does not exist yet",
            "create subscription of orders to topic letters: it does not exist yet",
            "delete subscription of orders to topic news: it is not declared",
            "delete permission lambda-runtime-sns-news of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-sns-news of orders: sns.amazonaws.com may not "
            "invoke it",
            "create subscription of orders to topic news: it does not exist yet",
            "delete subscription of orders to topic letters: it is not declared",
            "delete permission lambda-runtime-sns-letters of orders: its trigger is not declared",
        ),
    ),
    "sns.filter_policy": moved(
        'type = "sns", topic = "news"',
        'type = "sns", topic = "news", filter_policy = \'{"a": ["b"]}\'',
        ("update subscription of orders to topic news: its filter policy differs",),
        ("update subscription of orders to topic news: its filter policy differs",),
    ),
    "eventbridge.rule": moved(RULE, RULE.replace('"r"', '"s"'), *RENAMED),
    "eventbridge.pattern": moved(
        RULE,
        RULE.replace('["a"]', '["b"]'),
        ("update rule r: pattern {'source': ['a']} → {'source': ['b']}",),
        ("update rule r: pattern {'source': ['b']} → {'source': ['a']}",),
    ),
    "eventbridge.bus": moved(
        RULE,
        f'{RULE}, bus = "other"',
        (
            "create permission lambda-runtime-rule-other-r-HASH of orders: events.amazonaws.com "
            "may not invoke it",
            "create rule r: it does not exist yet",
            "create target orders of rule r: it does not exist yet",
            "delete rule r: it is not declared",
            "delete permission lambda-runtime-rule-r of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-rule-r of orders: events.amazonaws.com may not "
            "invoke it",
            "create rule r: it does not exist yet",
            "create target orders of rule r: it does not exist yet",
            "delete rule r: it is not declared",
            "delete permission lambda-runtime-rule-other-r-HASH of orders: its trigger is not "
            "declared",
        ),
    ),
    "eventbridge.enabled": triggered(RULE, "enabled = false", "rule r: state ENABLED → DISABLED"),
    "schedule.rule": moved(CLOCK, CLOCK.replace('"r"', '"s"'), *RENAMED),
    "schedule.expression": moved(
        CLOCK,
        CLOCK.replace("1 day", "2 days"),
        ("update rule r: schedule rate(1 day) → rate(2 days)",),
        ("update rule r: schedule rate(2 days) → rate(1 day)",),
    ),
    "schedule.input": moved(
        CLOCK,
        f"{CLOCK}, input = '{{\"a\": 1}}'",
        ("update target orders of rule r: it is not as declared",),
        ("update target orders of rule r: it is not as declared",),
    ),
    "schedule.enabled": triggered(CLOCK, "enabled = false", "rule r: state ENABLED → DISABLED"),
    "alb.target_group": moved(
        GROUP,
        GROUP.replace('"g"', '"h"'),
        (
            "create permission lambda-runtime-alb-h of orders: elasticloadbalancing.amazonaws.com "
            "may not invoke it",
            "create target group h: it does not exist yet",
            "create target orders of target group h: it does not exist yet",
            "delete target group g: it is not declared",
            "delete permission lambda-runtime-alb-g of orders: its trigger is not declared",
        ),
        (
            "create permission lambda-runtime-alb-g of orders: elasticloadbalancing.amazonaws.com "
            "may not invoke it",
            "create target group g: it does not exist yet",
            "create target orders of target group g: it does not exist yet",
            "delete target group h: it is not declared",
            "delete permission lambda-runtime-alb-h of orders: its trigger is not declared",
        ),
    ),
    "alb.multi_value_headers": moved(
        GROUP,
        f"{GROUP}, multi_value_headers = true",
        ("update target group g: multi-value headers → true",),
        ("update target group g: multi-value headers → false",),
    ),
    "alb.listener": moved(
        GROUP,
        LISTENED,
        ("create listener rule /* to target group g: it does not exist yet",),
        ("delete listener rule /* to target group g: listener ARN is not declared",),
    ),
    "alb.path": moved(
        LISTENED,
        f'{LISTENED}, path = "/a/*"',
        ("update listener rule /a/* to target group g: path /* → /a/*",),
        ("update listener rule /* to target group g: path /a/* → /*",),
    ),
    "alb.priority": triggered(
        LISTENED, "priority = 7", "listener rule /* to target group g: priority 100 → 7"
    ),
    "http-api.api": moved(
        API,
        API.replace("front", "door"),
        (
            "create HTTP API door: it does not exist yet",
            "create permission lambda-runtime-http-door of orders: apigateway.amazonaws.com may "
            "not invoke it",
            "delete HTTP API front: it is not declared",
            "delete permission lambda-runtime-http-front of orders: its trigger is not declared",
        ),
        (
            "create HTTP API front: it does not exist yet",
            "create permission lambda-runtime-http-front of orders: apigateway.amazonaws.com may "
            "not invoke it",
            "delete HTTP API door: it is not declared",
            "delete permission lambda-runtime-http-door of orders: its trigger is not declared",
        ),
    ),
    "rest-api.api": moved(
        REST,
        REST.replace("front", "door"),
        (
            "create REST API door: it does not exist yet",
            "update definition of REST API door: it is not as declared",
            "create permission lambda-runtime-rest-door of orders: apigateway.amazonaws.com may "
            "not invoke it",
            "delete REST API front: it is not declared",
            "delete permission lambda-runtime-rest-front of orders: its trigger is not declared",
        ),
        (
            "create REST API front: it does not exist yet",
            "update definition of REST API front: it is not as declared",
            "create permission lambda-runtime-rest-front of orders: apigateway.amazonaws.com may "
            "not invoke it",
            "delete REST API door: it is not declared",
            "delete permission lambda-runtime-rest-door of orders: its trigger is not declared",
        ),
    ),
    "rest-api.mode": moved(
        REST,
        f'{REST}, mode = "RESPONSE_STREAM"',
        ("update definition of REST API front: it is not as declared",),
        ("update definition of REST API front: it is not as declared",),
    ),
    "url.auth": Case(
        f'triggers = [{{ {URL}, auth = "NONE" }}]',
        (
            "create permission lambda-runtime-url of orders: * may not invoke it",
            "create permission lambda-runtime-url-invoke of orders: * may not invoke it",
            "update URL of orders: auth AWS_IAM → NONE",
        ),
        (
            "update URL of orders: auth NONE → AWS_IAM",
            "delete permission lambda-runtime-url of orders: its trigger is not declared",
            "delete permission lambda-runtime-url-invoke of orders: its trigger is not declared",
        ),
        before=f"triggers = [{{ {URL} }}]",
    ),
    "url.mode": triggered(
        URL, 'mode = "RESPONSE_STREAM"', "URL of orders: mode BUFFERED → RESPONSE_STREAM"
    ),
    **{
        f"url.{key}": triggered(
            f'{URL}, allow_origins = ["https://a.example"]',
            f"{key} = {value}",
            f"URL of orders: {key.replace('_', ' ')} none → {shown}",
        )
        for key, value, shown in (
            ("allow_methods", '["GET", "PUT"]', "GET,PUT"),
            ("allow_headers", '["x-a"]', "x-a"),
            ("expose_headers", '["x-b"]', "x-b"),
            ("allow_credentials", "true", "True"),
            ("max_age", "60", "60"),
        )
    },
    "url.allow_origins": triggered(
        URL, 'allow_origins = ["*"]', "URL of orders: allow origins none → *"
    ),
}
CASES["security_groups"] = CASES["subnets"]

#: Keys that one change of one function can't show, and the test that shows them.
APART: dict[str, str] = {
    "keep": "tests/deploy/test_release.py::test_old_versions_and_images_go_and_used_ones_stay",
    "region": "tests/project/test_settings.py::test_the_region",
    "function": "tests/deploy/test_deployment.py::test_a_renamed_function_is_told",
    "functions": (
        "tests/deploy/test_deployment.py::test_destroying_one_function_leaves_what_the_others_share"
    ),
}
