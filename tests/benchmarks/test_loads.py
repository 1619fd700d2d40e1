"""The events have the length that is asked for, and a response is as long as its event."""

import json

import pytest

from benchmarks import loads


@pytest.mark.parametrize("name", loads.LOADS)
def test_a_load_fits_into_an_invocation(name: str) -> None:
    load = loads.LOADS[name]
    event = load.event()
    assert load.size - 1000 < len(event) <= load.size <= 6 * 1024 * 1024
    # awslambdaric sends what json.dumps makes of it.
    assert len(json.dumps(json.loads(event))) == len(event)


def test_records_are_small_and_differ() -> None:
    made = json.loads(loads.records(100_000))["Records"]
    assert len({record["messageId"] for record in made}) == len(made) > 150


@pytest.mark.parametrize("size", range(2000, 3000, 77))
def test_one_record_more_would_not_fit(size: int) -> None:
    event = loads.records(size)
    [record, *_] = json.loads(event)["Records"]
    assert len(event) <= size < len(event) + len(", ") + len(json.dumps(record))
