"""What one load has read and written, as OpenLineage describes it.

Only ``load`` imports this module, and only where the provider of OpenLineage calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    base_subset_dataset,
    external_query_run,
    output_statistics_output_dataset,
    schema_dataset,
    sql_job,
    storage_dataset,
)

from recomamp.domain.executions import Execution
from recomamp.domain.sql.lineage import read_columns
from recomamp.store.results.writer import StoredResults

SOURCE = "amc"
_LOCAL = "file"
_LEVELS_BELOW = 3  # of a file below the directory of its workflow: window, execution, part


def lineage_of(
    execution: Execution, stored: StoredResults, columns_of: Mapping[str, Set[str]]
) -> OperatorLineage[Any, Any]:
    """Describe a load: the query, AMC's tables and columns, and the files with their columns.

    The output is the directory of the workflow, so that it is one data set for all windows. The
    files of this load are its subset.

    :param columns_of: the columns of the instance's tables, in lower case.
    """
    read = read_columns(execution.submitted_sql, columns_of)
    return OperatorLineage(
        inputs=[_input(execution.instance_id, table, columns) for table, columns in read.items()],
        outputs=[_output(stored)],
        job_facets={"sql": sql_job.SQLJobFacet(query=execution.submitted_sql)},
        run_facets={
            "externalQuery": external_query_run.ExternalQueryRunFacet(
                externalQueryId=execution.amc_execution_id or "", source=SOURCE
            )
        },
    )


def _input(instance_id: str, table: str, columns: list[str]) -> InputDataset:
    fields = [schema_dataset.SchemaDatasetFacetFields(name=name) for name in columns]
    facets: dict[str, DatasetFacet] = {}
    if fields:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
    return InputDataset(namespace=f"{SOURCE}://{instance_id}", name=table, facets=facets)


def _output(stored: StoredResults) -> OutputDataset:
    uris = [file.uri for file in stored.files]
    namespace, name = dataset_name(uris[0].rsplit("/", _LEVELS_BELOW)[0])
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=column.type_name)
        for column in stored.columns
    ]
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
            "storage": storage_dataset.StorageDatasetFacet(
                storageLayer=namespace.partition(":")[0], fileFormat="parquet"
            ),
        },
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=stored.rows, size=stored.size_bytes, fileCount=len(uris)
            ),
            "subset": base_subset_dataset.OutputSubsetOutputDatasetFacet(
                outputCondition=base_subset_dataset.LocationSubsetCondition(locations=uris)
            ),
        },
    )


def dataset_name(uri: str) -> tuple[str, str]:
    """Return the namespace and the name of a directory, by OpenLineage's rules of naming."""
    parts = urlsplit(uri)
    if parts.scheme == _LOCAL:
        return _LOCAL, parts.path
    return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
