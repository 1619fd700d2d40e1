import json
from collections.abc import Callable
from typing import Any

import pytest
from order import Order
from ship import Ship


@pytest.fixture
def runner(durable_runner: Callable[..., Any]) -> Any:
    return durable_runner(Order, poll_interval=0.01).register_function("ship", Ship)


def test_small_order(runner: Any) -> None:
    done = runner.run(input='{"order": 7, "total": 10}')
    assert json.loads(done.result) == {"status": "shipped", "parcel": "parcel-7"}
    assert json.loads(done.get_step("charge").result) == "charge-7"


@pytest.mark.parametrize(("answer", "status"), [(b'"approved"', "shipped"), (b'"no"', "refunded")])
def test_large_order(runner: Any, answer: bytes, status: str) -> None:
    arn = runner.run_async(input='{"order": 8, "total": 2000}')
    runner.send_callback_success(runner.wait_for_callback(arn, name="approval"), answer)
    assert json.loads(runner.wait_for_result(arn).result)["status"] == status


def test_declined(runner: Any) -> None:
    done = runner.run(input='{"order": 9, "total": 10, "card": "empty"}')
    assert done.status.value == "FAILED"
    assert done.error.message == "no money"
