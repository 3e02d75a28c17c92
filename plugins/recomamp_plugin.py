"""What the pipeline adds to Airflow itself. The rest of the package is imported, not registered."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from recomamp.pipeline.links import AmcExecutionLink
from recomamp.pipeline.timetables import CollectionTimetable, ScheduleTimetable


class RecomampPlugin(AirflowPlugin):
    """Timetables, and links from tasks to AMC."""

    name = "recomamp"
    timetables = [ScheduleTimetable, CollectionTimetable]  # noqa: RUF012 (Airflow reads the class)
    operator_extra_links = [AmcExecutionLink()]  # noqa: RUF012
