"""Sixty schedule expressions, each with its next five times by another way to know them.

The parser makes sets of numbers and counts days out. Here each expression stands beside a predicate
of a day, and hours and minutes, that say in Python what AWS's documents say in words; the times are
found by a walk through the calendar, day by day.
"""

import calendar
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from amazon_lambda_runtime.project.schedule import parse

NOW = datetime(2026, 11, 26, 12, 30, 15, tzinfo=UTC)
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)

Day = Callable[[date], bool]


def every(day: date) -> bool:
    return True


def on(*weekdays: int) -> Day:
    return lambda day: day.weekday() in weekdays


def dated(*days: int) -> Day:
    return lambda day: day.day in days


def last(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month


def last_of(weekday: int) -> Day:
    return lambda day: day.weekday() == weekday and (day + timedelta(days=7)).month != day.month


def nth(weekday: int, number: int) -> Day:
    return lambda day: day.weekday() == weekday and (day.day - 1) // 7 + 1 == number


def in_months(*months: int, when: Day = every) -> Day:
    return lambda day: day.month in months and when(day)


def in_years(*years: int, when: Day = every) -> Day:
    return lambda day: day.year in years and when(day)


def nearest_weekday(number: int) -> Day:
    """The weekday nearest to a day of the month, in that month."""

    def holds(day: date) -> bool:
        end = calendar.monthrange(day.year, day.month)[1]
        if number > end:
            return False
        wanted = day.replace(day=number)
        options = [
            day.replace(day=each)
            for each in range(max(1, number - 2), min(end, number + 2) + 1)
            if day.replace(day=each).weekday() < SAT
        ]
        return day == min(options, key=lambda each: abs((each - wanted).days))

    return holds


def last_weekday(day: date) -> bool:
    end = calendar.monthrange(day.year, day.month)[1]
    return day.day == max(n for n in range(1, end + 1) if day.replace(day=n).weekday() < SAT)


ALL_HOURS, ALL_MINUTES = range(24), range(60)
WORK = on(MON, TUE, WED, THU, FRI)

EXPRESSIONS: list[tuple[str, Day, Iterable[int], Iterable[int]]] = [
    # AWS's own examples.
    ("cron(0 10 * * ? *)", every, [10], [0]),
    ("cron(15 12 * * ? *)", every, [12], [15]),
    ("cron(0 18 ? * MON-FRI *)", WORK, [18], [0]),
    ("cron(0 8 1 * ? *)", dated(1), [8], [0]),
    ("cron(0/15 * * * ? *)", every, ALL_HOURS, [0, 15, 30, 45]),
    ("cron(0/10 * ? * MON-FRI *)", WORK, ALL_HOURS, range(0, 60, 10)),
    ("cron(0/5 8-17 ? * MON-FRI *)", WORK, range(8, 18), range(0, 60, 5)),
    ("cron(0 9 ? * 2#1 *)", nth(MON, 1), [9], [0]),
    ("cron(15 10 ? * 6L 2019-2030)", last_of(FRI), [10], [15]),
    # Each kind of part, in each field.
    ("cron(* * * * ? *)", every, ALL_HOURS, ALL_MINUTES),
    ("cron(*/7 * * * ? *)", every, ALL_HOURS, range(0, 60, 7)),
    ("cron(59 23 * * ? *)", every, [23], [59]),
    ("cron(0 0 * * ? *)", every, [0], [0]),
    ("cron(5,10,15 3 * * ? *)", every, [3], [5, 10, 15]),
    ("cron(10-12 3 * * ? *)", every, [3], [10, 11, 12]),
    ("cron(10-50/20 3 * * ? *)", every, [3], [10, 30, 50]),
    ("cron(0 */6 * * ? *)", every, [0, 6, 12, 18], [0]),
    ("cron(0 1/6 * * ? *)", every, [1, 7, 13, 19], [0]),
    ("cron(30 8,20 * * ? *)", every, [8, 20], [30]),
    ("cron(0 9-17 * * ? *)", every, range(9, 18), [0]),
    ("cron(0 9-17/4 * * ? *)", every, [9, 13, 17], [0]),
    ("cron(0 22-2 * * ? *)", every, [22, 23, 0, 1, 2], [0]),
    ("cron(0 12 15 * ? *)", dated(15), [12], [0]),
    ("cron(0 12 1,15 * ? *)", dated(1, 15), [12], [0]),
    ("cron(0 12 10-12 * ? *)", dated(10, 11, 12), [12], [0]),
    ("cron(0 12 */10 * ? *)", dated(1, 11, 21, 31), [12], [0]),
    ("cron(0 12 5/10 * ? *)", dated(5, 15, 25), [12], [0]),
    ("cron(0 12 31 * ? *)", dated(31), [12], [0]),
    ("cron(0 12 29 2 ? *)", in_months(2, when=dated(29)), [12], [0]),
    ("cron(0 12 L * ? *)", last, [12], [0]),
    ("cron(0 12 15W * ? *)", nearest_weekday(15), [12], [0]),
    ("cron(0 12 1W * ? *)", nearest_weekday(1), [12], [0]),
    ("cron(0 12 LW * ? *)", last_weekday, [12], [0]),
    ("cron(0 12 L 2 ? *)", in_months(2, when=last), [12], [0]),
    ("cron(0 12 1 1 ? *)", in_months(1, when=dated(1)), [12], [0]),
    ("cron(0 12 1 JAN,JUL ? *)", in_months(1, 7, when=dated(1)), [12], [0]),
    ("cron(0 12 1 6-8 ? *)", in_months(6, 7, 8, when=dated(1)), [12], [0]),
    ("cron(0 12 1 */3 ? *)", in_months(1, 4, 7, 10, when=dated(1)), [12], [0]),
    ("cron(0 12 1 NOV-FEB ? *)", in_months(11, 12, 1, 2, when=dated(1)), [12], [0]),
    ("cron(0 12 ? * 1 *)", on(SUN), [12], [0]),
    ("cron(0 12 ? * SUN *)", on(SUN), [12], [0]),
    ("cron(0 12 ? * SAT *)", on(SAT), [12], [0]),
    ("cron(0 12 ? * SAT,SUN *)", on(SAT, SUN), [12], [0]),
    ("cron(0 12 ? * 2-6 *)", WORK, [12], [0]),
    ("cron(0 12 ? * FRI-MON *)", on(FRI, SAT, SUN, MON), [12], [0]),
    ("cron(0 12 ? * MON,WED,FRI *)", on(MON, WED, FRI), [12], [0]),
    ("cron(0 12 ? * TUE#2 *)", nth(TUE, 2), [12], [0]),
    ("cron(0 12 ? * 5#5 *)", nth(THU, 5), [12], [0]),
    ("cron(0 12 ? * 1L *)", last_of(SUN), [12], [0]),
    ("cron(0 12 ? * MONL *)", last_of(MON), [12], [0]),
    ("cron(0 12 ? 12 MON *)", in_months(12, when=on(MON)), [12], [0]),
    ("cron(0 12 * * ? 2027)", in_years(2027), [12], [0]),
    ("cron(0 12 * * ? 2027-2028)", in_years(2027, 2028), [12], [0]),
    ("cron(0 12 1 1 ? 2028,2030,2032,2034,2036)",
     in_years(2028, 2030, 2032, 2034, 2036, when=in_months(1, when=dated(1))), [12], [0]),
    ("cron(0 12 1 1 ? 2027/2)",
     lambda day: day.year % 2 == 1 and (day.month, day.day) == (1, 1), [12], [0]),
    ("cron(0/20 6-7 ? 12 SAT 2026-2027)", in_months(12, when=on(SAT)), [6, 7], [0, 20, 40]),
]  # fmt: skip
RATES = {
    "rate(1 minute)": 1,
    "rate(90 minutes)": 90,
    "rate(1 hour)": 60,
    "rate(7 days)": 7 * 24 * 60,
}


def walked(day: Day, hours: Iterable[int], minutes: Iterable[int]) -> Iterator[datetime]:
    """Yield the times after NOW, by a walk through the calendar."""
    today = NOW.date()
    while True:
        if day(today):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    time = datetime(today.year, today.month, today.day, hour, minute, tzinfo=UTC)
                    if time > NOW:
                        yield time
        today += timedelta(days=1)


def test_there_are_sixty() -> None:
    assert len({text for text, *_ in EXPRESSIONS}) + len(RATES) == 60


@pytest.mark.parametrize(
    ("expression", "day", "hours", "minutes"), EXPRESSIONS, ids=[each[0] for each in EXPRESSIONS]
)
def test_cron(expression: str, day: Day, hours: Iterable[int], minutes: Iterable[int]) -> None:
    """The next five times are those that the calendar has."""
    found = list(islice(parse(expression).after(NOW), 5))
    assert found == list(islice(walked(day, hours, minutes), 5))


@pytest.mark.parametrize("expression", RATES)
def test_rate(expression: str) -> None:
    """Times are counted from when the rule was made."""
    found = list(islice(parse(expression).after(NOW), 5))
    assert found == [NOW + timedelta(minutes=RATES[expression] * n) for n in range(1, 6)]
