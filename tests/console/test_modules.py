"""Rules of the console's ES modules, in a real browser without Airflow's page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from stack.settings import ROOT

STATIC = ROOT / "plugins" / "recomamp" / "console" / "static"
HOST = Path(__file__).with_name("host.js")
MODULES = sorted(path.name for path in STATIC.glob("*.js"))


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files, and write no line for each of them."""

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; give its address."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with served(STATIC) as address:
        yield address


@pytest.fixture(scope="module")
def context(browser: Browser, origin: str) -> Iterator[BrowserContext]:
    """Open a browser of people who are far from UTC and from English, with an empty page."""
    opened = browser.new_context(locale="de-DE", timezone_id="Asia/Tokyo")
    opened.route(f"{origin}/", lambda route: route.fulfill(body="", content_type="text/html"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> Page:
    """Open a tab for all tests: each new one would start a process."""
    return context.new_page()


@pytest.fixture
def page(tab: Page, origin: str) -> Page:
    """Load the empty page again, with what Airflow's page gives to plugins."""
    tab.goto(f"{origin}/")
    tab.add_script_tag(path=HOST)
    return tab


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """Call an exported function of a module."""
    script = "async ([module, name, args]) => (await import(`/${module}.js`))[name](...args)"
    return page.evaluate(script, [module, function, arguments])


def test_every_module_can_be_read(page: Page) -> None:
    for module in MODULES:
        page.evaluate("(name) => import(`/${name}`)", module)
    names = ["AMC", "AMC definition", "AMC run", "AMC execution"]
    assert page.evaluate("(names) => names.map((name) => typeof globalThis[name])", names) == [
        "function"
    ] * len(names)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3569, "59 min"),
        (3599, "1 h 0 min"),
        (7199, "2 h 0 min"),
        (12_000, "3 h 20 min"),
        (86_399, "1 d 0 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_is_rounded_before_it_is_split(
    page: Page, seconds: float | None, text: str
) -> None:
    assert call(page, "time", "duration", seconds) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-01-31 23:05 UTC"),
        ("Europe/Berlin", "2026-02-01 00:05 +01:00"),
        ("Europe/London", "2026-01-31 23:05 +00:00"),
        ("America/Los_Angeles", "2026-01-31 15:05 -08:00"),
        ("Asia/Kathmandu", "2026-02-01 04:50 +05:45"),
        ("Mars/Base", "2026-01-31 23:05 UTC (Mars/Base is unknown)"),
    ],
)
def test_a_time_names_its_offset_in_every_browser(page: Page, zone: str, text: str) -> None:
    assert call(page, "time", "time", "2026-01-31T23:05:59Z", zone) == text


def test_a_zone_that_airflow_stores_may_be_unknown(page: Page) -> None:
    page.evaluate("""localStorage.setItem("timezone", '"Mars/Base"')""")
    script = "import('/time.js').then(({ useZone }) => mount(useZone).value)"
    assert page.evaluate(script) == "UTC"


@pytest.mark.parametrize(
    ("at", "zone", "days"),
    [
        # 24 hours before half past midnight is half past eleven of two days before
        ("2026-03-30T00:30+02:00", "Europe/Berlin", ["2026-03-28", "2026-03-29", "2026-03-30"]),
        # The day has 25 hours
        ("2026-10-25T23:30+01:00", "Europe/Berlin", ["2026-10-23", "2026-10-24", "2026-10-25"]),
        ("2026-03-01T00:30Z", "UTC", ["2026-02-27", "2026-02-28", "2026-03-01"]),
    ],
)
def test_no_day_is_lost_when_clocks_change(page: Page, at: str, zone: str, days: list[str]) -> None:
    assert call(page, "time", "lastDays", at, zone, 3) == days


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("x", 1), ("0", 1), ("-1", 1), ("1.5", 1), ("1e9", 1), ("", 1)]
)
def test_an_address_may_hold_any_page(page: Page, text: str, number: int) -> None:
    assert call(page, "query", "pageNumber", text) == number


CHART = """async ([kind, points, names, isNumber]) => {
  const { ResultChart, sums } = await import("/result_chart.js");
  const { xs } = sums(points, { kind, isNumber });
  const named = xs.map((x) => (typeof x === "symbol" ? `<${x.description}>` : x));
  return [named, markup(ResultChart({ kind, points, leftOut: 0, names, isNumber }))];
}"""


@pytest.mark.parametrize("kind", ["line", "bar", "heat"])
def test_null_is_last_and_off_the_scale_of_numbers(page: Page, kind: str) -> None:
    points = [[None, None, 5], ["10", None, 1], ["9", None, 2], ["-1", None, 3], ["NaN", None, 4]]
    names = {"x": "hour", "y": "clicks", "colour": ""}
    xs, drawn = page.evaluate(CHART, [kind, points, names, True])
    assert xs == ["-1", "9", "10", "NaN", "<NULL>"]
    for attribute in ("x", "y", "cx", "cy", "width", "height", "points"):
        assert f'{attribute}="NaN' not in drawn
    assert ",NaN" not in drawn
    assert "NULL: 5" in drawn
    # The line has the three numbers alone
    if kind == "line":
        assert re.findall(r' points="([^"]*)"', drawn)[0].count(",") == 3


def test_a_value_may_have_the_name_of_the_rest(page: Page) -> None:
    """A text of NULL or others is a value: it is not added to what has none."""
    points = [["NULL", None, 1], [None, None, 2], ["others", None, 3]]
    points += [[f"value {number}", None, 100] for number in range(60)]
    names = {"x": "name", "y": "clicks", "colour": ""}
    xs, drawn = page.evaluate(CHART, ["bar", points, names, False])
    assert xs[-1] == "<others>"
    assert len(xs) == 60
    xs, drawn = page.evaluate(CHART, ["bar", points[:3], names, False])
    assert xs == ["NULL", "others", "<NULL>"]
    assert "NULL: 1;" in drawn
    assert "NULL: 2;" in drawn


def test_a_value_that_is_missing_leaves_a_gap_in_a_line(page: Page) -> None:
    script = """async () => markup((await import("/charts.js")).Chart({
      kind: "line", label: "Rows", xs: ["a", "b", "c", "d"], series: [""], colours: {},
      cells: [["a", 1], ["b", 2], ["c", null], ["d", 4]].map(([x, y]) => ({ x, series: "", y })),
    }))"""
    drawn = page.evaluate(script)
    assert drawn.count("<polyline") == 1
    assert drawn.count("<circle") == 3


# Reads of a page that is hidden or not: `seen(isHidden)` shows or hides it
READS = """async (isHidden) => {
  let hidden = isHidden;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  const timers = new Set();
  globalThis.setTimeout = (run) => timers.add(run) && run;
  globalThis.clearTimeout = (run) => timers.delete(run);
  let reads = 0;
  const read = async () => { reads += 1; return reads < 4 ? 3600 : 0; };
  const { repeat } = await import("/api.js");
  const log = [];
  const settled = async () => {
    await null; await null; await null;
    log.push([reads, timers.size]);
  };
  const seen = async (isHidden) => {
    hidden = isHidden;
    document.dispatchEvent(new Event("visibilitychange"));
    await settled();
  };
  const end = repeat(read);
  await settled();
  await seen(true);
  await seen(false);
  await seen(true);
  await seen(false);
  end();
  await seen(false);
  return log;
}"""


@pytest.mark.parametrize("is_hidden", [True, False], ids=["in the background", "in sight"])
def test_a_page_reads_first_and_again_when_it_comes_into_sight(page: Page, is_hidden: bool) -> None:
    log = page.evaluate(READS, is_hidden)
    assert log[0] == [1, 0 if is_hidden else 1]  # reads, timers
    assert log[1:] == [[1, 0], [2, 1], [2, 0], [3, 1], [3, 0]]


def test_what_reads_once_does_not_read_again(page: Page) -> None:
    script = """async () => {
      let reads = 0;
      const { repeat } = await import("/api.js");
      repeat(async () => { reads += 1; return 0; });
      await null; await null; await null;
      document.dispatchEvent(new Event("visibilitychange"));
      return reads;
    }"""
    assert page.evaluate(script) == 1


@pytest.mark.parametrize(
    ("end", "status", "seconds"),
    [(None, "DONE", 10), ("2026-01-01", "PENDING", 10), ("2026-01-01", "DONE", 60)],
    ids=["a phase is open", "a request is open", "ended"],
)
def test_an_execution_that_has_ended_is_read_seldom(
    page: Page, end: str | None, status: str, seconds: int
) -> None:
    data = {"phases": [{"end": end}], "requests": [{"status": status}]}
    assert call(page, "execution", "pauseAfter", data) == seconds


def test_only_a_page_that_repeats_itself_says_so(page: Page) -> None:
    script = """async (every) => {
      globalThis.fetch = async () => { throw new TypeError("no route"); };
      const { useData } = await import("/api.js");
      const { Content } = await import("/widgets.js");
      const reader = mount(() => useData("overview", { every }));
      while (!reader.value.error) await null;
      return markup({ type: Content, props: { request: reader.value }, children: [() => ""] });
    }"""
    assert "The page tries again." in page.evaluate(script, 15)
    once = page.evaluate(script, 0)
    assert "does not answer" in once
    assert "The page tries again." not in once


# A check is under way when a save is refused; the check answers later
SAVE = """async () => {
  const timers = [];
  globalThis.setTimeout = (run) => timers.push(run);
  globalThis.clearTimeout = () => {};
  const answers = [];
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  globalThis.fetch = (url) => new Promise((resolve) => answers.push([url.pathname, resolve]));
  const { useForm } = await import("/form.js");
  const form = mount(() => useForm({ name: "a" }, { id: null, ready: () => true }));
  const checking = timers.shift()();
  const saving = form.value.save();
  const [check, save] = answers;
  save[1](json(422, { detail: "the name is taken", column: "name" }));
  await saving;
  check[1](json(200, { problems: [], findings: [] }));
  await checking;
  const refused = form.value.problems.map(({ message }) => message);
  form.value.set("name", "b");
  const again = timers.shift()();
  answers[2][1](json(200, { problems: [], findings: [] }));
  await again;
  return [check[0], save[0], refused, form.value.problems.length];
}"""


def test_a_check_does_not_replace_the_answer_of_a_later_save(page: Page) -> None:
    check, save, refused, problems_of_next_row = page.evaluate(SAVE)
    assert check.endswith("/register/check")
    assert save.endswith("/register")
    assert refused == ["the name is taken"]
    assert problems_of_next_row == 0


@pytest.mark.parametrize(
    ("result", "has_csv", "has_files"),
    [
        ({}, True, True),
        ({"files_deleted_at": "2026-01-01"}, True, False),
        ({"files_deleted_at": "2026-01-01", "is_truncated": True}, False, False),
        ({"files_deleted_at": "2026-01-01", "trimmed_at": "2026-01-01"}, False, False),
        ({"is_truncated": True}, True, True),
    ],
)
def test_what_is_deleted_is_not_offered(
    page: Page, result: dict[str, Any], has_csv: bool, has_files: bool
) -> None:
    files = [{"name": "part-00001.parquet", "rows": 1, "bytes": 1, "sha256": "0"}]
    script = (
        """async (result) => markup((await import("/results.js")).Downloads({ id: "1", result }))"""
    )
    shown = page.evaluate(script, {"files": files, **result})
    assert ("result.csv" in shown, "part-00001" in shown) == (has_csv, has_files)


@pytest.mark.parametrize(("rows", "is_said"), [(19, False), (20, True)])
def test_a_table_says_when_its_rows_are_the_first(page: Page, rows: int, is_said: bool) -> None:
    script = """async (rows) => markup((await import("/widgets.js")).DataTable({
      label: "Queue", limit: 20, rows: Array(rows).fill({}),
      columns: [{ title: "User", cell: () => "" }],
    }))"""
    assert ("The first 20 are shown." in page.evaluate(script, rows)) == is_said


def test_a_form_shows_that_its_workflow_could_not_be_read(page: Page) -> None:
    script = """async () => {
      const refusal = { detail: "no such workflow" };
      globalThis.fetch = async () => new Response(JSON.stringify(refusal), { status: 404 });
      const { DefinitionForm } = await import("/register_definition.js");
      const given = { kind: "schedule", chosen: "1", instances: [], canMove: true };
      const form = mount(() => DefinitionForm(given));
      while (!markup(form.value).includes("alert")) await new Promise(requestAnimationFrame);
      return markup(form.value);
    }"""
    assert "no such workflow" in page.evaluate(script)
