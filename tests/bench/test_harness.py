"""The benchmarks' harness: what it writes, says and answers. No figure is judged here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import main
from bench.measurements import Result, alternate, at_most, ratios, spread
from bench.results import write_results
from bench.runner import find_benchmarks

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
from bench.measurements import Curve, at_most

def run(settings):
    yield at_most(1.2, id=7, name="calls per cycle", unit="ratio", samples=[1.0, 1.2, 1.1])
    yield Curve("Calls by waiting", "waiting", "calls", [(1, 1), (10, 1), (1000, 10)])
"""
BAD = """
from bench.measurements import at_most

def run(settings):
    yield at_most(1.0, id=8, name="seconds [idle]", unit="ratio", samples=[1.0, 1.3, 1.2])
"""
BROKEN = """
def run(settings):
    raise RuntimeError("the server is gone")
    yield
"""


def bench(directory: Path, *arguments: str, **modules: str) -> int:
    for name, text in modules.items():
        (directory / f"{name}.py").write_text(text)
    return main([*arguments, "--data", str(directory / "data")], directory=directory)


def test_results_are_kept_as_a_list_of_seven_fields(tmp_path: Path) -> None:
    assert bench(tmp_path, b07_polling=GOOD) == 0
    (written,) = json.loads((tmp_path / "data" / "results.json").read_text())
    assert written == {
        "id": 7,
        "name": "calls per cycle",
        "value": 1.1,
        "must_be": "≤ 1.2",
        "unit": "ratio",
        "samples": [1.0, 1.2, 1.1],
        "ok": True,
    }


def test_curves_become_pictures(tmp_path: Path) -> None:
    bench(tmp_path, b07_polling=GOOD)
    picture = tmp_path / "data" / "calls-by-waiting.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_is_not_what_it_must_be_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path, b07_polling=GOOD, b08_waiting=BAD) == 1
    written = json.loads((tmp_path / "data" / "results.json").read_text())
    assert [(result["id"], result["ok"]) for result in written] == [(7, True), (8, False)]
    said = capsys.readouterr().out
    assert "seconds [idle]" in said
    assert "not so" in said
    assert "1.1 … 1.25" in said, "the table says where the samples lie"


def test_a_benchmark_that_breaks_off_fails_the_command_and_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path, b06_broken=BROKEN, b07_polling=GOOD) == 1
    (written,) = json.loads((tmp_path / "data" / "results.json").read_text())
    assert written["id"] == 7
    assert "the server is gone" in capsys.readouterr().out


def test_a_benchmark_that_dies_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dying = "import os\n\ndef run(settings):\n    os._exit(9)\n    yield\n"
    assert bench(tmp_path, b07_dying=dying) == 1
    assert "exit code 9" in capsys.readouterr().out


def test_only_what_is_asked_for_runs(tmp_path: Path) -> None:
    assert bench(tmp_path, "7", b07_polling=GOOD, b08_waiting=BAD) == 0


def test_an_unknown_number_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(tmp_path, "9", b07_polling=GOOD) == 2
    assert "no benchmark 9" in capsys.readouterr().err


def test_every_benchmark_is_found_by_its_number() -> None:
    for benchmark in find_benchmarks():
        text = benchmark.path.read_text(encoding="utf-8")
        assert "def run(settings: BenchSettings) -> Iterator[" in text, benchmark.path.name


def test_the_results_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with path.open("w") as reader_of_old:
        before = path.stat().st_ino
        write_results(path, [at_most(1, id=1, name="a", unit="s", samples=[1])])
        assert path.stat().st_ino != before
        assert os.fstat(reader_of_old.fileno()).st_size == 0, "the old file was written into"
    assert list(tmp_path.iterdir()) == [path]


def test_a_figure_that_is_no_number_is_refused() -> None:
    for value, samples in ((float("nan"), [1.0]), (1.0, [float("inf")]), (1.0, [])):
        with pytest.raises(ValueError, match="no finite figure"):
            Result(1, "a", value, "≤ 1", "s", samples, ok=True)


def test_two_things_are_measured_by_turns() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    first, second = alternate(lambda: measure("A"), lambda: measure("B"), rounds=3)
    assert "".join(order) == "AB" + "AB" + "BA" + "AB"
    assert (first, second) == ([3.0, 6.0, 7.0], [4.0, 5.0, 8.0])
    assert ratios(first, second) == [3 / 4, 6 / 5, 7 / 8]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_the_quartiles_lie_between_the_extremes(samples: list[float]) -> None:
    where = spread(samples)
    assert where.minimum <= where.lower_quartile <= where.median
    assert where.median <= where.upper_quartile <= where.maximum


def test_an_interrupt_ends_the_benchmark_with_what_it_started(tmp_path: Path) -> None:
    slow = f"""
import time
from pathlib import Path

def run(settings):
    try:
        Path({str(tmp_path / "began")!r}).touch()
        time.sleep(60)
    finally:
        Path({str(tmp_path / "ended")!r}).touch()
    yield
"""
    (tmp_path / "b01_slow.py").write_text(slow)
    code = (
        "from pathlib import Path; from bench.__main__ import main; import sys;"
        f"sys.exit(main(['--data', {str(tmp_path / 'data')!r}], directory=Path({str(tmp_path)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"},
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "began").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert (tmp_path / "ended").exists()
