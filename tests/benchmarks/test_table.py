"""The tables: percentiles, ratios, and targets that are met or missed."""

from benchmarks import measure, table


def test_targets_are_judged_by_the_ratio() -> None:
    row = {"pass": 10.0, "bare": 1.0, "ours": 11.0, "awslambdaric": 22.0}
    group = measure.Group("start", "ms", "pass", {"exec to first response": row})
    assert table.render(group).endswith(
        "0.50       1.10  ≤ 0.42 * awslambdaric MISSED, ≤ 1.20 * pass ok"
    )
    del row["ours"]
    assert table.render(group).endswith("≤ 0.42 * awslambdaric -, ≤ 1.20 * pass -")


def test_a_figure_can_have_a_target_of_its_own() -> None:
    row = {"ours": 75.5}
    group = measure.Group("async", "µs", "awslambdaric", {"async above plain, p10": row})
    assert table.render(group).endswith("-  ≤ 75 MISSED")
    row["ours"] = 75.0
    assert table.render(group).endswith("-  ≤ 75 ok")
    del row["ours"]
    assert table.render(group).endswith("-  ≤ 75 -")


def test_a_target_can_be_for_one_column_and_for_more() -> None:
    row = {"processes": 9.0, "tasks": 1.5, "awslambdaric": 1.0}
    rows = {"N=16, invocations/s": row, "N=16, PSS, MiB": row}
    ours = ("processes", "threads", "tasks")
    group = measure.Group("concurrency", "", "awslambdaric", rows, ours)
    _, _, rate, memory = table.render(group).split("\n")
    assert rate.endswith("1.50  tasks ≥ 1.60 * awslambdaric MISSED")
    assert memory.endswith("1.50  tasks ≤ 0.70 * awslambdaric MISSED")
    row["tasks"] = 1.6
    assert table.render(group).split("\n")[2].endswith("tasks ≥ 1.60 * awslambdaric ok")
    del row["tasks"]
    assert table.render(group).split("\n")[2].endswith("tasks ≥ 1.60 * awslambdaric -")


def test_each_way_of_concurrency_has_its_ratio() -> None:
    row = {"processes": 3.0, "threads": 0.5, "awslambdaric": 2.0}
    group = measure.Group("it", "", "awslambdaric", {"N=4": row}, ("processes", "threads", "tasks"))
    _, head, line = table.render(group).split("\n")
    ways = ["processes", "threads", "tasks"]
    ratios = [f"{way}/awslambdaric" for way in ways]
    assert head.split() == [*ways, "awslambdaric", *ratios, "target"]
    assert line.split() == ["N=4", "3.0", "0.50", "-", "2.0", "1.50", "0.25", "-"]


def test_percentiles_of_each_that_has_figures() -> None:
    times = {"ours": [float(value) for value in range(101)], "awslambdaric": []}
    assert measure.percentiles("50 B", times, (10, 50, 99)) == {
        "50 B, p10": {"ours": 10.0},
        "50 B, p50": {"ours": 50.0},
        "50 B, p99": {"ours": 99.0},
    }
