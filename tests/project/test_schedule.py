"""Schedule expressions: when they fire, and why EventBridge refuses one."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from amazon_lambda_runtime.project.schedule import ScheduleError, parse

# A Thursday, in the middle of a minute.
NOW = datetime(2026, 11, 26, 12, 30, 15, tzinfo=UTC)


def times(expression: str, count: int = 5, start: datetime = NOW) -> list[str]:
    return [f"{time:%Y-%m-%d %H:%M}" for time in islice(parse(expression).after(start), count)]


def days(expression: str, count: int = 5) -> list[str]:
    return [time.partition(" ")[0] for time in times(expression, count)]


# AWS's documented examples, with the next five times.
NEXT = ("11-27", "11-28", "11-29", "11-30", "12-01")
TODAY = "2026-11-26"
DOCUMENTED = {
    "cron(0 10 * * ? *)": [f"2026-{day} 10:00" for day in NEXT],
    "cron(15 12 * * ? *)": [f"2026-{day} 12:15" for day in NEXT],
    "cron(0 18 ? * MON-FRI *)": [
        f"2026-{day} 18:00" for day in ("11-26", "11-27", "11-30", "12-01", "12-02")
    ],
    "cron(0 8 1 * ? *)": [
        "2026-12-01 08:00",
        *(f"2027-{month} 08:00" for month in ("01-01", "02-01", "03-01", "04-01")),
    ],
    "cron(0/15 * * * ? *)": [
        f"{TODAY} {at}" for at in ("12:45", "13:00", "13:15", "13:30", "13:45")
    ],
    "cron(0/10 * ? * MON-FRI *)": [
        f"{TODAY} {at}" for at in ("12:40", "12:50", "13:00", "13:10", "13:20")
    ],
    "cron(0/5 8-17 ? * MON-FRI *)": [f"{TODAY} 12:{minute}" for minute in range(35, 60, 5)],
    "cron(0/30 20-2 ? * MON-FRI *)": [
        f"{TODAY} {at}" for at in ("20:00", "20:30", "21:00", "21:30", "22:00")
    ],
    "rate(1 minute)": [f"{TODAY} 12:{minute}" for minute in range(31, 36)],
    "rate(5 minutes)": [f"{TODAY} 12:{minute}" for minute in range(35, 60, 5)],
    "rate(1 hour)": [f"{TODAY} {hour}:30" for hour in range(13, 18)],
    "rate(1 day)": [f"2026-{day} 12:30" for day in NEXT],
}


@pytest.mark.parametrize("number", range(1, 13))
def test_names_of_months(number: int) -> None:
    """A month's name is its number, in capitals or not."""
    name = datetime(2026, number, 1).strftime("%b")
    for told in (name, name.upper()):
        assert times(f"cron(0 0 1 {told} ? *)") == times(f"cron(0 0 1 {number} ? *)")


@pytest.mark.parametrize("expression", DOCUMENTED)
def test_documented_examples(expression: str) -> None:
    assert times(expression) == DOCUMENTED[expression]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 0 L * ? *)", "2026-11-30 2026-12-31 2027-01-31 2027-02-28 2027-03-31"),
        ("cron(0 0 LW * ? *)", "2026-11-30 2026-12-31 2027-01-29 2027-02-26 2027-03-31"),
        ("cron(0 0 15W * ? *)", "2026-12-15 2027-01-15 2027-02-15 2027-03-15 2027-04-15"),
        ("cron(0 0 1W * ? *)", "2026-12-01 2027-01-01 2027-02-01 2027-03-01 2027-04-01"),
        ("cron(0 0 1W 5,8 ? *)", "2027-05-03 2027-08-02 2028-05-01 2028-08-01 2029-05-01"),
        ("cron(0 0 31W 10 ? *)", "2027-10-29 2028-10-31 2029-10-31 2030-10-31 2031-10-31"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 2032-02-29 2036-02-29 2040-02-29 2044-02-29"),
        ("cron(0 0 ? * 6#3 *)", "2026-12-18 2027-01-15 2027-02-19 2027-03-19 2027-04-16"),
        ("cron(0 0 ? * FRI#5 *)", "2027-01-29 2027-04-30 2027-07-30 2027-10-29 2027-12-31"),
        ("cron(0 0 ? * 6L *)", "2026-11-27 2026-12-25 2027-01-29 2027-02-26 2027-03-26"),
        ("cron(0 0 ? * L *)", "2026-11-28 2026-12-05 2026-12-12 2026-12-19 2026-12-26"),
        ("cron(0 0 ? * 1 *)", "2026-11-29 2026-12-06 2026-12-13 2026-12-20 2026-12-27"),
        ("cron(0 0 ? * fri-mon *)", "2026-11-27 2026-11-28 2026-11-29 2026-11-30 2026-12-04"),
        ("cron(0 0 1,L JAN,jul ? 2027)", "2027-01-01 2027-01-31 2027-07-01 2027-07-31"),
        ("cron(0 0 10/10 12 ? 2026-2027)", "2026-12-10 2026-12-20 2026-12-30 2027-12-10"),
        ("cron(0 0 1 1 ? 2028/2)", "2028-01-01 2030-01-01 2032-01-01 2034-01-01 2036-01-01"),
        ("cron(0 0 1 1 ? 1970)", ""),
        ("cron(0 0 ? * 6-3/2 *)", "2026-11-27 2026-11-29 2026-12-01 2026-12-04 2026-12-06"),
    ],
)
def test_days(expression: str, expected: str) -> None:
    assert days(expression, len(expected.split()) or 1) == expected.split()


def test_minute_that_has_begun_is_over() -> None:
    assert times("cron(30 12 * * ? *)", 1) == ["2026-11-27 12:30"]
    assert times("cron(31 12 * * ? *)", 1) == ["2026-11-26 12:31"]
    assert times("cron(0/20 * * * ? *)", 2) == ["2026-11-26 12:40", "2026-11-26 13:00"]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "expected rate(5 minutes), rate(1 day) or cron(0 3 * * ? *)"),
        ("every day", "expected rate(5 minutes)"),
        ("rate(5 minutes) ", "expected rate(5 minutes)"),
        ("rate(-1 minutes)", "expected rate(5 minutes)"),
        ("rate(0 minutes)", "the value of rate is 0: expected 1 or more"),
        ("rate(1 minutes)", "AWS wants rate(1 minute)"),
        ("rate(5 minute)", "AWS wants rate(5 minutes)"),
        (f"rate({'9' * 5000} days)", "expected rate(5 minutes)"),
        (f"cron({'9' * 5000} 3 * * ? *)", "is not 0 to 59"),
        (f"cron(0/{'9' * 5000} 3 * * ? *)", "has no step of 1 or more"),
        ("rate(1 week)", "'week' is not a unit of rate: expected minutes, hours or days"),
        ("rate(5 seconds)", "'seconds' is not a unit of rate"),
        ("cron(0 3 * * ?)", "cron has 5 fields: expected 6, which are minutes, hours"),
        ("cron(0 3 * * * *)", "one of day of month and day of week has to be ?"),
        ("cron(0 3 ? * ? *)", "one of day of month and day of week has to be ?"),
        ("cron(0 3 1 * MON *)", "one of day of month and day of week has to be ?"),
        ("cron(60 3 * * ? *)", "minutes: '60' is not 0 to 59"),
        ("cron(0 24 * * ? *)", "hours: '24' is not 0 to 23"),
        ("cron(0 3 0 * ? *)", "day of month: '0' is not 1 to 31"),
        ("cron(0 3 32W * ? *)", "day of month: '32' is not 1 to 31"),
        ("cron(0 3 * 13 ? *)", "month: '13' is not 1 to 12 or JAN to DEC"),
        ("cron(0 3 * JUNE ? *)", "month: 'JUNE' is not 1 to 12 or JAN to DEC"),
        ("cron(0 3 ? * 8 *)", "day of week: '8' is not 1 to 7 or SUN to SAT"),
        ("cron(0 3 ? * 0 *)", "day of week: '0' is not 1 to 7"),
        ("cron(0 3 ? * MON#6 *)", "day of week, after the #: '6' is not 1 to 5"),
        ("cron(0 3 ? * XL *)", "day of week: 'X' is not 1 to 7"),
        ("cron(0 3 * * ? 1969)", "year: '1969' is not 1970 to 2199"),
        ("cron(0 3 * * ? 2200)", "year: '2200' is not 1970 to 2199"),
        ("cron(0/0 3 * * ? *)", "minutes: '0/0' has no step of 1 or more after the /"),
        ("cron(*/x 3 * * ? *)", "minutes: '*/x' has no step of 1 or more"),
        ("cron(1- 3 * * ? *)", "minutes: '' is not 0 to 59"),
        ("cron(1, 3 * * ? *)", "minutes: '' is not 0 to 59"),
        ("cron(٣ 3 * * ? *)", "minutes: '٣' is not 0 to 59"),
        ("cron(0 3 31 2,4 ? *)", "it never fires: no month of these has such a day"),
    ],
)
def test_what_is_refused(expression: str, told: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(expression)
    assert told in str(caught.value)
