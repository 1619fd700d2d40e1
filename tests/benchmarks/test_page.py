"""The page of figures: it is what the files say, and hides nothing that a peer does better."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from amazon_lambda_runtime.deploy.images import Pushed
from benchmarks import __main__ as program
from benchmarks import charts, deploy, page, results
from benchmarks.measure import Group

START = Group(
    "start: median of 3",
    "ms",
    "pass",
    {
        "exec to first response": {"pass": 9.0, "ours": 10.0, "awslambdaric": 20.0},
        "CPU to first response": {"pass": 5.0, "ours": 30.0, "awslambdaric": 20.0},
    },
)
CROWD = Group(
    "concurrency: 2 CPUs",
    "",
    "awslambdaric",
    {
        "N=4, invocations/s": {"processes": 50.0, "tasks": 300.0, "awslambdaric": 100.0},
        "N=4, PSS, MiB": {"processes": 8.0, "tasks": 0.0},
    },
    ("processes", "tasks"),
)
HEAD = results.head("python -m benchmarks", buildah="1.2")
RUN = results.Run(HEAD, {"start": START, "concurrency": CROWD})


def test_page_is_that_of_the_files() -> None:
    """The page and its charts are what the figures say, and there is no other chart."""
    files = page.written(results.load(results.FOLDER))
    assert {*page.CHARTS.glob("*.svg"), page.PAGE} == files.keys()
    for file, text in files.items():
        assert file.read_text() == text, "run: make pages"


def test_a_file_keeps_the_figures(tmp_path: Path) -> None:
    """What is written is read again, to five digits."""
    row = {"ours": 1.2345678, "awslambdaric": 123456.0}
    run = results.Run(HEAD, {"start": START._replace(rows={"a row": row}), "concurrency": CROWD})
    results.write(tmp_path / "figures.json", run)
    [found] = results.load(tmp_path)
    assert found.head == HEAD
    assert found.groups["start"].rows == {"a row": {"ours": 1.2346, "awslambdaric": 123460.0}}
    assert found.groups["concurrency"] == CROWD


def test_every_group_has_its_section() -> None:
    """None that is measured comes without its heading."""
    assert {*program.GROUPS, "images", "plans"} <= page.SECTIONS.keys()


def test_what_a_peer_does_better_is_listed() -> None:
    """The worst first; of a rate the time of one counts, and a limit is no peer."""
    text = page.written([RUN])[page.PAGE]
    listed = text.partition("## Where we are slower\n")[2].partition("\n## ")[0]
    assert listed.strip().splitlines()[2:] == [
        "| concurrency: N=4, invocations/s | 2.00 × "
        "| 50.0 (processes), beside 100.0 (awslambdaric) |",
        "| start: CPU to first response | 1.50 × | 30.0, beside 20.0 (awslambdaric) |",
    ]
    faster = {"start": START._replace(rows={"a": {"ours": 1.0, "awslambdaric": 1.0, "pass": 0.1}})}
    assert "Nowhere in these figures." in page.written([results.Run(HEAD, faster)])[page.PAGE]


def test_tables_and_charts() -> None:
    """A group has its figures, each ratio, and a bar for it."""
    files = page.written([RUN])
    text = files[page.PAGE]
    assert "| ms | pass | ours | awslambdaric | ours takes |" in text
    assert "| exec to first response | 9.0 | 10.0 | 20.0 | 0.50 × awslambdaric |" in text
    assert "2.00 × (processes), 0.33 × (tasks) |" in text
    assert "| N=4, PSS, MiB | 8.0 | 0.00 | - |  |" in text
    assert "`python -m benchmarks --only start`: median of 3." in text
    assert f"{HEAD['python']}, amazon-lambda-runtime" in text
    assert "buildah 1.2 |" in text
    drawn = files[page.CHARTS / "concurrency.svg"]
    assert ">N=4, time of each: tasks<" in drawn
    assert ">0.33 ×<" in drawn
    # A row of the headlines.
    assert ">cold start, elapsed<" in files[page.CHARTS / "overview.svg"]


def test_what_was_not_measured_is_said() -> None:
    """By the command that measures it; and a quick run is no proof."""
    text = page.written([RUN])[page.PAGE]
    missing = text.partition("Not measured in these runs:\n")[2].partition("\n## ")[0]
    assert "- Images: `make bench-deploy`" in missing
    assert "- Memory: `python -m benchmarks --only memory`" in missing
    assert "Cold start" not in missing
    assert "--quick" not in text
    quick = RUN._replace(head={**HEAD, "command": "python -m benchmarks --quick"})
    assert "a run with `--quick`" in page.written([quick])[page.PAGE]


def test_a_group_that_is_new_is_on_the_page() -> None:
    """Under its name, with its chart."""
    files = page.written([results.Run(HEAD, {"teleport": START})])
    assert "\n## Teleport\n" in files[page.PAGE]
    assert page.CHARTS / "teleport.svg" in files


def test_a_group_is_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two runs nobody knows which is meant."""
    for name in "ab":
        results.write(tmp_path / f"{name}.json", RUN._replace(groups={"start": START}))
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match=r"two files of .* have start"):
        page.main()


def test_chart() -> None:
    """An SVG for both schemes that loads nothing; what is more than the peer's has its colour."""
    bars = [charts.Bar("a & b", 0.5), charts.Bar("c", 1.004), charts.Bar("d", 9.0)]
    text = charts.chart("What <it> takes", "a peer", bars)
    root = ElementTree.fromstring(text)
    spoken = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert spoken[2:] == ["a & b", "0.50 ×", "c", "1.00 ×", "d", "9.00 ×"]
    kinds = [node.get("class") for node in root.iter("{http://www.w3.org/2000/svg}path")]
    assert kinds == ["less", "less", "more", "peer"]
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href|url\(|@import|<script", text)
    # The longest is cut at the edge.
    edge = float(root.get("width", ""))
    found = [float(n) for n in re.findall(r"[HMl ](\d+\.?\d*)", text.partition("</style>")[2])]
    assert max(found) <= edge


def test_images() -> None:
    """Seconds and bytes are medians; sizes are of the compressed layers, the original's too."""

    def cost(seconds: float, uploaded: int) -> deploy.Cost:
        return deploy.Cost(seconds, uploaded, Pushed("sha256:1", "x@sha256:1", uploaded, 9, ()))

    found = {
        (name, kind): [cost(scale * seconds, 4000) for seconds in (1, 2, 60)]
        for name, scale in ((deploy.NATIVE, 1), (deploy.BUILDAH, 10))
        for kind in ("first", "code only")
    }
    sizes = {deploy.NATIVE: 40_000_000, deploy.BUILDAH: 50_000_000, deploy.ORIGINAL: 80_000_000}
    files = page.written([results.Run(HEAD, {"images": deploy.group(found, sizes, 30_000_000)})])
    text = files[page.PAGE]
    assert "| first, s | 2.0 | 20.0 | - | 0.10 × buildah |" in text
    assert "| code only, KB uploaded | 4.0 | 4.0 | - | 1.00 × buildah |" in text
    assert (
        "| size, MB compressed | 40.0 | 50.0 | 80.0 | 0.80 × buildah, 0.50 × original's recipe |"
    ) in text
    assert "| of which its base, MB | 30.0 | - | - |  |" in text
    assert "`make bench-deploy`: build and push, median of 3." in text


@pytest.mark.parametrize("command", ["benchmarks.plans", "benchmarks.deploy"])
def test_other_programs_refuse_bad_input(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, before anything is measured."""
    module = __import__(command, fromlist=["main"])
    monkeypatch.setattr(sys, "argv", ["x", "--json", "/nonexistent/figures.json"])
    with pytest.raises(SystemExit) as stopped:
        module.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"python -m {command}: ")
    assert "cannot write /nonexistent/figures.json: No such file or directory" in said
    assert said.count("\n") == 1
