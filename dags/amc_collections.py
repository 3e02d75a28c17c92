"""One DAG per row of ``report_data_collections``, with one run per week.

Airflow shows this file in the tab Code of every DAG that it builds, because no DAG has a file of
its own. A DAG's query, parameters and window are in its documentation, which the book icon at
the top right opens. They come from its row in ``report_data_collections`` and from
``workflows.sql_query``: change them there.

Within a task only the DAG that is being run is built, from one row.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.pipeline.generator.factory import build_dags

for dag in build_dags(DefinitionKind.COLLECTION, get_parsing_context().dag_id, file=__file__):
    globals()[dag.dag_id] = dag
