"""One DAG per row of ``report_data_collections``, with one run per week.

Within a task only the DAG that is being run is built, from one row.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.pipeline.generator.factory import build_dags

for dag in build_dags(DefinitionKind.COLLECTION, get_parsing_context().dag_id, file=__file__):
    globals()[dag.dag_id] = dag
