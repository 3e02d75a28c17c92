"""What the package registers in any Airflow, by the entry point ``airflow.plugins``.

The pipeline's own plugin, ``recomamp_plugin.RecomampPlugin``, is another one: it needs the
pipeline's database. Both may be loaded.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable
from recomamp.provider.links import AmcExecutionPageLink


class AmcPlugin(AirflowPlugin):
    """The timetables, and the link from tasks to executions."""

    name = "amc"
    timetables = [ScheduleTimetable, CollectionTimetable]  # noqa: RUF012 (Airflow reads the class)
    operator_extra_links = [AmcExecutionPageLink()]  # noqa: RUF012
