"""One server for the tests of a file: a durable function takes seconds to start."""

from collections.abc import Iterator

import pytest

pytest.importorskip("aws_durable_execution_sdk_python_testing")
from .support import Local, local


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with local(tmp_path_factory.mktemp("durable")) as running:
        yield running
