"""Schedule expressions of EventBridge rules, `rate(5 minutes)` and `cron(0 3 * * ? *)`: what they
may say, and when they fire. Times are UTC.

Theory: each field of a cron expression becomes the set of its numbers; the days of a month are
counted out, since "the last Friday" is no number. The next time is the first minute of the first
day that is in the sets.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

import calendar
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
# More digits than this are no number of minutes, days or years.
_RATE = re.compile(r"rate\((\d{1,9}) (\w+)\)", re.ASCII)
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)
_CRON = re.compile(r"cron\((.*)\)")


class ScheduleError(Exception):
    """Raised for an expression that EventBridge refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Fires once in so many minutes, from the time at which the rule was made."""

    minutes: int

    def after(self, start: datetime) -> Iterator[datetime]:
        """Yield the times after `start`, at which the rule was made."""
        while True:
            start += timedelta(minutes=self.minutes)
            yield start


@dataclass(frozen=True, slots=True)
class Cron:
    """Fires at the minutes that are in all of the fields."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: "_DaysOfMonth | _DaysOfWeek"
    months: tuple[int, ...]
    years: tuple[int, ...]

    def after(self, start: datetime) -> Iterator[datetime]:
        """Yield the times after `start`, as long as there are any."""
        start = start.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        today = start.date()
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) < (today.year, today.month):
                    continue
                for day in self.days.of(year, month):
                    for hour in self.hours:
                        for minute in self.minutes:
                            time = datetime(year, month, day, hour, minute, tzinfo=UTC)
                            if time >= start:
                                yield time


@dataclass(frozen=True, slots=True)
class _DaysOfMonth:
    """Numbers; `L`, the last day; `15W`, the weekday nearest to it; `LW`, the last weekday."""

    numbers: frozenset[int] = frozenset()
    nearest: frozenset[int] = frozenset()
    last: bool = False
    last_weekday: bool = False

    def of(self, year: int, month: int) -> list[int]:
        end = calendar.monthrange(year, month)[1]
        found = {number for number in self.numbers if number <= end}
        if self.last:
            found.add(end)
        if self.last_weekday:
            found.add(_nearest_weekday(year, month, end, end))
        found.update(_nearest_weekday(year, month, n, end) for n in self.nearest if n <= end)
        return sorted(found)


@dataclass(frozen=True, slots=True)
class _DaysOfWeek:
    """Numbers, 1 is Sunday; `6#3`, the third Friday; `6L`, the last Friday."""

    numbers: frozenset[int] = frozenset()
    counted: frozenset[tuple[int, int]] = frozenset()
    last: frozenset[int] = frozenset()

    def of(self, year: int, month: int) -> list[int]:
        first, end = calendar.monthrange(year, month)
        found = []
        for day in range(1, end + 1):
            number = (first + day) % 7 + 1  # Python's first day is Monday, AWS's is Sunday
            is_counted = (number, (day + 6) // 7) in self.counted
            if number in self.numbers or is_counted or (number in self.last and day + 7 > end):
                found.append(day)
        return found


def parse(expression: str) -> Rate | Cron:
    """Return the schedule that an expression stands for. Raises ScheduleError."""
    if match := _RATE.fullmatch(expression):
        return _rate(int(match[1]), match[2])
    match = _CRON.fullmatch(expression)
    if match is None:
        raise ScheduleError("expected rate(5 minutes), rate(1 day) or cron(0 3 * * ? *)")
    fields = match[1].split()
    if len(fields) != 6:
        raise ScheduleError(
            f"cron has {len(fields)} fields: expected 6, which are minutes, hours, day of month, "
            "month, day of week, year"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ScheduleError("one of day of month and day of week has to be ?, and the other not")
    schedule = Cron(
        _numbers("minutes", minutes, 0, 59),
        _numbers("hours", hours, 0, 23),
        _days_of_month(day) if weekday == "?" else _days_of_week(weekday),
        _numbers("month", month, 1, 12, _MONTHS),
        _numbers("year", year, FIRST_YEAR, LAST_YEAR),
    )
    if next(schedule.after(datetime(FIRST_YEAR - 1, 12, 31, tzinfo=UTC)), None) is None:
        raise ScheduleError("it never fires: no month of these has such a day")
    return schedule


def _rate(value: int, unit: str) -> Rate:
    single = unit.removesuffix("s")
    if single not in _UNITS:
        raise ScheduleError(f"{unit!r} is not a unit of rate: expected minutes, hours or days")
    if value == 0:
        raise ScheduleError("the value of rate is 0: expected 1 or more")
    if (value == 1) != (unit == single):
        expected = single if value == 1 else f"{single}s"
        raise ScheduleError(f"AWS wants rate({value} {expected})")
    return Rate(value * _UNITS[single])


def _numbers(
    name: str, field: str, low: int, high: int, words: tuple[str, ...] = ()
) -> tuple[int, ...]:
    """Return the numbers that a field stands for, in their order."""
    found: set[int] = set()
    for part in field.split(","):
        found |= _part(name, part, low, high, words)
    return tuple(sorted(found))


def _part(name: str, part: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """Return what stands between two commas: `*`, `5`, `5-10`, `FRI`, and each with `/2`."""
    span, slash, step = part.partition("/")
    if slash and not (_DIGITS.fullmatch(step) and int(step) > 0):
        raise ScheduleError(f"{name}: {part!r} has no step of 1 or more after the /")
    if span == "*":
        first, last = low, high
    else:
        begin, dash, end = span.partition("-")
        first = _number(name, begin, low, high, words)
        last = _number(name, end, low, high, words) if dash else (high if slash else first)
    if first > last:  # FRI-MON, 22-2: over the end
        numbers = [*range(first, high + 1), *range(low, last + 1)]
    else:
        numbers = [*range(first, last + 1)]
    return set(numbers[:: int(step) if slash else 1])


def _number(name: str, text: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text.upper() in words:
        return words.index(text.upper()) + low
    if _DIGITS.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    named = f" or {words[0]} to {words[-1]}" if words else ""
    raise ScheduleError(f"{name}: {text!r} is not {low} to {high}{named}")


def _days_of_month(field: str) -> _DaysOfMonth:
    name = "day of month"
    others: list[str] = []
    nearest: set[int] = set()
    for part in field.split(","):
        number = part.removesuffix("W")
        if number != part and number != "L":
            nearest.add(_number(name, number, 1, 31, ()))
        elif part not in ("L", "LW"):
            others.append(part)
    numbers = _numbers(name, ",".join(others), 1, 31) if others else ()
    parts = field.split(",")
    return _DaysOfMonth(frozenset(numbers), frozenset(nearest), "L" in parts, "LW" in parts)


def _days_of_week(field: str) -> _DaysOfWeek:
    name = "day of week"
    others: list[str] = []
    counted: set[tuple[int, int]] = set()
    last: set[int] = set()
    for part in field.split(","):
        day, mark, count = part.partition("#")
        if mark:
            counted.add((_weekday(day), _number(f"{name}, after the #", count, 1, 5, ())))
        elif part == "L":
            others.append("SAT")  # the last day of the week
        elif part.endswith("L"):
            last.add(_weekday(part[:-1]))
        else:
            others.append(part)
    numbers = _numbers(name, ",".join(others), 1, 7, _DAYS) if others else ()
    return _DaysOfWeek(frozenset(numbers), frozenset(counted), frozenset(last))


def _weekday(text: str) -> int:
    return _number("day of week", text, 1, 7, _DAYS)


def _nearest_weekday(year: int, month: int, day: int, end: int) -> int:
    """Return the weekday nearest to a day, within the month."""
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < end else day - 2
    return day
