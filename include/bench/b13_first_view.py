"""The console beside a running Airflow: the first view in a browser, and each page's answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial

from bench.airflow_stack import AirflowStack, airflow_stack, wait_until
from bench.measurements import (
    BenchSettings,
    Result,
    alternate,
    at_most,
    ratios,
    seconds_of,
    without_limit,
)

ID = 13
ROUNDS = 10
LIMIT_SECONDS = 2
LIMIT_MILLISECONDS = 300

# Airflow's list of DAGs, as a page and as an answer: what its users are used to
OWN_PAGE, OWN_ADDRESS = "dags", "/api/v2/dags?limit=25"
CONSOLE_PAGE = "plugin/amc"
# What each page shows first
_FIRST_OF = {
    OWN_PAGE: "a[href*='/dags/amc_schedule_']",
    CONSOLE_PAGE: "section[aria-label='What failed and why']",
}
# Without a card for graphics, and without what Chromium asks its maker at every start
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def run(settings: BenchSettings) -> Iterator[Result]:
    """Ask as the administrator, who may read every DAG."""
    rounds = settings.rounds if settings.quick else max(ROUNDS, settings.rounds)
    with airflow_stack() as airflow:
        wait_until(lambda: airflow.has_dag(airflow.dag_id), "the schedule's DAG")
        airflow.trigger(airflow.dag_id, 1)
        airflow.wait_until_all_end(airflow.dag_id)
        yield from _first_views(airflow, rounds)
        yield from _answers(airflow, rounds)


def _first_views(airflow: AirflowStack, rounds: int) -> Iterator[Result]:
    """Open both pages in turn, each time in a browser that has loaded nothing."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    url = airflow.stack.settings.api_url
    token = airflow.api.headers["Authorization"].removeprefix("Bearer ")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)

        def view(path: str) -> float:
            context = browser.new_context()
            context.add_cookies([{"name": "_token", "value": token, "url": url}])
            page = context.new_page()

            def load() -> None:
                page.goto(f"{url}/{path}", wait_until="commit")
                page.wait_for_selector(_FIRST_OF[path])

            seconds = seconds_of(load)
            context.close()
            return seconds

        console, own = alternate(partial(view, CONSOLE_PAGE), partial(view, OWN_PAGE), rounds)
        browser.close()
    yield at_most(
        LIMIT_SECONDS,
        id=ID,
        name="first view of the overview, with an empty cache",
        unit="seconds",
        samples=console,
    )
    yield without_limit(
        id=ID,
        name="first view of the overview / of Airflow's list of DAGs",
        unit="ratio",
        samples=ratios(console, own),
    )


def _answers(airflow: AirflowStack, rounds: int) -> Iterator[Result]:
    def ask(address: str) -> float:
        return 1000 * seconds_of(lambda: airflow.api.get(address).raise_for_status())

    for name, path in _pages(airflow).items():
        page = partial(ask, f"/recomamp/api/{path}")
        answers, own = alternate(page, partial(ask, OWN_ADDRESS), rounds)
        yield at_most(
            LIMIT_MILLISECONDS,
            id=ID,
            name=f"answer of the page {name}, beside a running Airflow",
            unit="milliseconds",
            samples=answers,
        )
        yield without_limit(
            id=ID,
            name=f"answer of the page {name} / of Airflow's list of DAGs",
            unit="ratio",
            samples=ratios(answers, own),
        )


def _pages(airflow: AirflowStack) -> dict[str, str]:
    """Return what each page of the schedule and of its run reads, below /recomamp/api."""
    listed = airflow.api.get("/recomamp/api/executions").raise_for_status().json()
    path = f"executions/{listed['executions'][0]['id']}"
    found = airflow.api.get(f"/recomamp/api/{path}").raise_for_status().json()["execution"]
    workflow = airflow.api.get("/recomamp/api/register/workflows").raise_for_status().json()[0]
    return {
        "overview": "overview",
        "schedules": "schedules",
        "schedule": f"schedules/{airflow.schedule_id}",
        "collections": "collections",
        "executions": "executions",
        "execution": path,
        "result": f"{path}/result",
        "chart": f"{path}/chart?x=campaign&y=impressions",
        "versions": f"{path}/versions",
        "run": f"runs?dag_id={airflow.dag_id}&run_id={found['dag_run_id']}",
        "form of a schedule": f"register/schedule/{airflow.schedule_id}",
        "form of a workflow": f"register/workflow/{workflow['id']}",
    }
