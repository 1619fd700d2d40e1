"""What `init --trigger` and `init --web` write: the trigger's table, a handler, an event of it."""

import json
from dataclasses import dataclass
from importlib.resources import files

from amazon_lambda_runtime import samples


@dataclass(frozen=True)
class Starter:
    """The keys of a trigger, the template of its handler, and the name of a sample event."""

    table: str
    handler: str
    sample: str

    def payload(self) -> str:
        """Return an event of the trigger, as JSON."""
        return json.dumps(samples.load(self.sample), indent=2, ensure_ascii=False) + "\n"


def template(name: str) -> str:
    """Return the text of a template."""
    return files("amazon_lambda_runtime").joinpath("cli", "templates", name).read_text()


STARTERS = {
    "sqs": Starter(
        """\
queue = "lambda-runtime"
batch_size = 10
# The handler says which messages failed: only those are redelivered.
report_batch_item_failures = true
# A message that failed this many times goes to the queue NAME-dlq.
max_receive_count = 3
""",
        "sqs.py",
        "sqs",
    ),
    "s3": Starter(
        """\
# A bucket that exists. Its other notifications are left as they are.
bucket = "hello-python-uploads"
events = ["s3:ObjectCreated:*"]
""",
        "s3.py",
        "s3-put",
    ),
    "sns": Starter('topic = "hello-python"\n', "sns.py", "sns"),
    "eventbridge": Starter(
        """\
rule = "hello-python"
pattern = '{"source": ["my.application"]}'
""",
        "rule.py",
        "eventbridge",
    ),
    "schedule": Starter(
        """\
rule = "hello-python"
expression = "rate(1 day)"
""",
        "rule.py",
        "scheduled",
    ),
    "alb": Starter(
        """\
# Add `listener`, its ARN, to have requests for /* forwarded.
target_group = "hello-python"
""",
        "alb.py",
        "alb",
    ),
    "url": Starter(
        """\
# AWS_IAM: callers sign their requests; NONE: the URL is public.
auth = "AWS_IAM"
""",
        "url.py",
        "function-url",
    ),
}

#: What `--web` writes into requirements.txt; the application is the template of the same name.
WEB = {"fastapi": "fastapi>=0.115,<1\n", "flask": "flask>=3,<4\n"}
#: Triggers that send requests over HTTP.
DOORS = ("url", "alb")
