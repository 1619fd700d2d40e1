"""moto's server as a process, changed in a few things, so that tests are fast and do not collide.

It binds a port that is free, and prints it: moto's own command wants to be told one, which another
process may have taken by then.

It has the managed policies that the tests attach, and no others: moto parses all of AWS's, 4.7 MB
of JSON, for each empty account, which is more than a second of CPU at each reset.

It knows the names of its modules and of its methods, which moto looks up for each request, and
writes no log.

The time of a push has fractions of a second: two pushes of one test are otherwise of the same age.
"""

import json
import os
import signal
import sys
import time
from functools import cache
from typing import Any

from moto import backends
from moto.core import responses, utils
from moto.ecr.models import Image
from moto.iam import models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

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


class Quiet(MotoRequestHandler):
    def log(self, kind: str, message: str, *arguments: Any) -> None:
        """Write no log."""


if __name__ == "__main__":
    vars(models)["aws_managed_policies_data"] = trimmed(aws_managed_policies_data)
    Image.__init__ = _make_now  # type: ignore[method-assign]
    modules = [*backends.list_of_moto_modules()]
    vars(backends)["list_of_moto_modules"] = lambda: modules
    vars(responses)["method_names_from_class"] = cache(utils.method_names_from_class)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    os.environ["MOTO_PORT"] = str(server.port)
    print(server.port, flush=True)
    server.serve_forever()
