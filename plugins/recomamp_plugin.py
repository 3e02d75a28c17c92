"""What the pipeline adds to Airflow itself. The rest of the package is imported, not registered."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

import recomamp.pipeline.generator.factory  # noqa: F401  (inherited by forks, see below)
from recomamp.pipeline import startup_check
from recomamp.pipeline.executions.links import AmcExecutionLink
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable

# Airflow loads plugins before it forks. Processes that run tasks or parse files inherit what is
# loaded here; otherwise each loads it again, which takes 0.55 s of CPU. A whole run takes 0.82 s


class RecomampPlugin(AirflowPlugin):
    """Timetables, links from tasks to AMC, and a check of each component's settings."""

    name = "recomamp"
    timetables = [ScheduleTimetable, CollectionTimetable]  # noqa: RUF012 (Airflow reads the class)
    listeners = [startup_check]  # noqa: RUF012
    operator_extra_links = [AmcExecutionLink()]  # noqa: RUF012
