"""Instructions and system calls: the files of the tools are read right, and a cycle is counted."""

import shutil
import sys

import pytest

from benchmarks import counts, measure, table
from benchmarks.candidates import EXCHANGES, FLOOR, OURS, PEER
from benchmarks.environment import Candidate
from benchmarks.server import load_loop

FEW = measure.QUICK._replace(counted=20)


def test_the_total_is_that_of_the_whole_file() -> None:
    text = "version: 1\nevents: Ir\nsummary: 70\n\nfn=(1) totals\n0 12\ntotals: 82\n"
    assert counts.total(text) == 82


def test_a_call_in_two_lines_is_one_call() -> None:
    text = (
        b'7 read(3, "", 10) = 0\n'
        b"7 poll([{fd=3}], 1, 0 <unfinished ...>\n"
        b"8 getpid() = 8\n"
        b"7 <... poll resumed>) = 1\n"
        b"7 recvfrom(3, "
    )
    assert counts.calls(text) == 3


@pytest.mark.parametrize("tool", [counts.SystemCalls, counts.Instructions])
def test_a_cycle_is_counted_without_the_start(
    tool: type[counts.Counter], capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(tool.program) is None:
        pytest.skip(f"no {tool.program}")
    broken = Candidate("broken", (sys.executable, "-c", "raise SystemExit('no luck')"))
    taking_part = [EXCHANGES, broken]
    start, cycle = counts.counted(tool, taking_part, FEW, load_loop())
    assert set(start) == set(cycle) == {FLOOR}
    assert start[FLOOR] > 10 * cycle[FLOOR]
    if tool is counts.SystemCalls:
        # Two times send and recv; the last call may be noted after the count.
        assert cycle[FLOOR] == pytest.approx(4, abs=0.1)
    else:
        assert 2_000 < cycle[FLOOR] < 30_000
    told = f"broken exited with status 1 (no luck); {tool.program} counts nothing of it\n"
    assert capsys.readouterr().out == told


def test_without_the_tools_the_columns_are_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    group = counts.instructions([], measure.QUICK, None)
    assert capsys.readouterr().out == (
        "valgrind: not installed; its figures are missing\n"
        "strace: not installed; its figures are missing\n"
    )
    _, head, *lines = table.render(group).split("\n")
    columns = [FLOOR, "bare", OURS, PEER, f"{OURS}/{PEER}", f"{OURS}/{FLOOR}", "target"]
    assert head.split() == columns
    assert [line.split()[-6:] for line in lines] == [["-"] * 6] * 3
