"""A further share of the collections' DAGs, where RECOMAMP_DAG_SHARDS asks for it."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from recomamp.domain.definitions import DefinitionKind
from recomamp.pipeline.generator.factory import build_dags

for dag in build_dags(DefinitionKind.COLLECTION, get_parsing_context().dag_id, file=__file__):
    globals()[dag.dag_id] = dag
