"""What the pipeline adds to Airflow itself. The rest of the package is imported, not registered."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

import recomamp.pipeline.generator.factory  # noqa: F401  (inherited by forks, see below)
from recomamp.console.asgi import PREFIX, ConsoleApp
from recomamp.pipeline import startup_check
from recomamp.pipeline.executions.links import AmcExecutionLink
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable

# Airflow loads plugins before it forks. Processes that run tasks or parse files inherit what is
# loaded here; otherwise each loads it again, which takes 0.55 s of CPU. A whole run takes 0.82 s


def _page(name: str, destination: str, module: str, **more: Any) -> dict[str, Any]:
    """Return a page of the console. The module puts its component into ``globalThis[name]``.

    The address has no leading slash: the browser completes it by Airflow's own base URL.
    """
    url = f"{PREFIX.removeprefix('/')}/static/{module}.js"
    return {"name": name, "destination": destination, "bundle_url": url, **more}


class RecomampPlugin(AirflowPlugin):
    """Timetables, links from tasks to AMC, a check of each component's settings, the console."""

    name = "recomamp"
    timetables = [ScheduleTimetable, CollectionTimetable]  # noqa: RUF012 (Airflow reads the class)
    listeners = [startup_check]  # noqa: RUF012
    operator_extra_links = [AmcExecutionLink()]  # noqa: RUF012
    fastapi_apps = [{"app": ConsoleApp(), "url_prefix": PREFIX, "name": "AMC console"}]  # noqa: RUF012
    react_apps = [  # noqa: RUF012
        _page("AMC", "nav", "console", url_route="amc", nav_top_level=True),
        _page("AMC definition", "dag", "definition_tab", url_route="amc-definition"),
        _page("AMC run", "dag_run", "run_tab", url_route="amc-run"),
        _page("AMC execution", "task_instance", "run_tab", url_route="amc-execution"),
    ]
