"""What is measured of a process without coverage.py is what coverage.py would have measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from . import traced

SOURCE = """
import os, signal, sys, threading, time
from amazon_lambda_runtime import measured_here as here

how = sys.argv[1]
if how == "thread":
    thread = threading.Thread(target=here.twice, args=[2])
    thread.start()
    thread.join()
else:
    here.twice(2)
if how == "fork":
    if not os.fork():
        here.once(0)
        os._exit(0)
    os.wait()
elif how == "exec":
    os.execv(sys.executable, [sys.executable, "-c", "pass"])
elif how == "exit":
    os._exit(0)
elif how == "SIGTERM":
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
HERE = """\
def twice(number):
    for _ in range(number):
        pass
    return number


def once(number):
    if number:
        return 1
    return 2
"""
TWICE = {(-1, 2), (2, 3), (3, 2), (2, 4), (4, -1)}


@pytest.mark.parametrize("how", ["end", "thread", "fork", "exec", "exit", "SIGTERM"])
def test_a_process_until_its_end(how: str, tmp_path: Path) -> None:
    """Its lines are there, whichever way it ends; what it forks counts as well."""
    package = tmp_path / "src/amazon_lambda_runtime"
    (tmp_path / "tests").mkdir()
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "measured_here.py").write_text(HERE)
    (tmp_path / "tests/traced.py").write_text(Path(traced.__file__).read_text())
    (tmp_path / "processes").mkdir()
    (tmp_path / ".coveragerc").write_text(
        "[run]\nbranch = true\nsource_pkgs = amazon_lambda_runtime\ndata_file = data\n"
    )
    (tmp_path / "main.py").write_text(traced.hook(str(tmp_path / "tests")) + SOURCE)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    env = {**kept, "PYTHONPATH": str(tmp_path / "src")}
    done = subprocess.run(
        [sys.executable, "-S", "main.py", how],
        cwd=tmp_path,
        env={**env, traced.TRACED: str(tmp_path / "processes")},
        timeout=60,
    )
    assert done.returncode == (-15 if how == "SIGTERM" else 0)
    subprocess.run(
        [sys.executable, "tests/traced.py", "combine", "processes"],
        cwd=tmp_path,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    data = CoverageData(str(tmp_path / "data"))
    data.read()
    found = {*(data.arcs(str(package / "measured_here.py")) or ())}
    assert found >= TWICE
    assert ((8, 10) in found) is (how == "fork")
    assert (8, 9) not in found
