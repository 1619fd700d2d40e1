"""moto's server as a process, changed in two things, so that tests are fast.

It has the managed policies that the tests attach, and no others: moto parses all of AWS's, 4.7 MB
of JSON, for each empty account, which is more than a second of CPU at each reset.

The time of a push has fractions of a second: two pushes of one test are otherwise of the same age.
"""

import json
import time
from typing import Any

from moto.ecr.models import Image
from moto.iam import models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.server import main

POLICIES = {
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AmazonS3ReadOnlyAccess",
    "AmazonSQSReadOnlyAccess",
}


def trimmed(policies: str) -> str:
    """Return moto's JSON of managed policies with those of `POLICIES` only."""
    kept = {name: value for name, value in json.loads(policies).items() if name in POLICIES}
    assert set(kept) == POLICIES
    return json.dumps(kept)


_make = Image.__init__


def _make_now(self: Image, *arguments: Any, **options: Any) -> None:
    _make(self, *arguments, **options)
    self.image_pushed_at = time.time()  # type: ignore[assignment]


if __name__ == "__main__":
    vars(models)["aws_managed_policies_data"] = trimmed(aws_managed_policies_data)
    Image.__init__ = _make_now  # type: ignore[method-assign]
    main()
