"""The result of an execution: its rows, a chart of them, its versions, and downloads.

Rows come from the result's document. Values are text, which keeps every digit. A download reads
the database first, and holds none of its connections while it streams.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Path, Query, status
from psycopg2.extensions import connection as Connection

from recomamp.console import downloads
from recomamp.console.access import RESULTS, require_row
from recomamp.console.database import Database
from recomamp.console.executions import readable_execution
from recomamp.console.open_downloads import DOWNLOAD_PLACE, Download
from recomamp.domain.result_cells import cells_of
from recomamp.domain.result_columns import read_stored_columns
from recomamp.store.statements import Row, fetch_all, fetch_one
from recomamp.store.stored_results import (
    StoredResult,
    select_document_rows,
    select_stored_result,
)

router = APIRouter(
    prefix="/executions/{execution_id}", dependencies=[Depends(readable_execution(RESULTS))]
)

PAGE_SIZE = 100
CHART_POINTS = 2_000

ColumnName = Annotated[str, Query(max_length=300)]


@router.get("/result")
def result(
    execution_id: UUID, database: Database, page: Annotated[int, Query(ge=0, le=100)] = 0
) -> dict[str, Any]:
    """Return a page of the rows of the result's document, with columns, files and counts."""
    with database.read() as connection:
        found = _result(connection, execution_id)
        rows = fetch_all(
            connection,
            "console/select_result_rows",
            execution_id=execution_id,
            row_limit=PAGE_SIZE,
            row_offset=page * PAGE_SIZE,
        )
    columns = _columns(found["columns"])
    names = [column["name"] for column in columns]
    return found | {
        "columns": columns,
        "files": [downloads.described(file) for file in downloads.listed(found["files"])],
        "rows": [cells_of(row["result_row"], names) for row in rows],
        "page_size": PAGE_SIZE,
    }


@router.get("/chart")
def chart(
    execution_id: UUID,
    database: Database,
    x: ColumnName,
    y: ColumnName = "",
    colour: ColumnName = "",
) -> dict[str, Any]:
    """Return sums of a measure by one or two columns; the number of rows without a measure."""
    with database.read() as connection:
        points = fetch_all(
            connection,
            "console/select_chart_points",
            execution_id=execution_id,
            x=x,
            y=y or None,
            colour=colour or None,
            points=CHART_POINTS,
        )
    return {
        "points": [[point["x"], point["colour"], point["y"]] for point in points],
        "left_out": points[0]["points"] - len(points) if points else 0,
    }


@router.get("/versions")
def versions(
    execution_id: UUID, database: Database, after: Annotated[int, Query(ge=0)] = 0
) -> dict[str, Any]:
    """Return the versions of the window, and what this one changed.

    :param after: number of the changed row after which the page begins.
    """
    key = {"execution_id": execution_id}
    with database.read() as connection:
        changed = fetch_all(
            connection, "console/select_difference_rows", **key, after=after, page_size=PAGE_SIZE
        )
        return {
            "versions": fetch_all(connection, "console/select_window_versions", **key),
            "difference": fetch_one(connection, "console/select_difference", **key),
            "columns": fetch_all(connection, "console/select_difference_columns", **key),
            "rows": [
                {"number": row["number"], "kind": row["kind"]}
                | {side: cells_of(row[side]) for side in ("key", "before", "after")}
                for row in changed
            ],
            "page_size": PAGE_SIZE,
        }


@router.get("/result.csv", dependencies=[DOWNLOAD_PLACE])
def download_csv(execution_id: UUID, database: Database) -> Download:
    """Send all rows as CSV: from the document where it has all of them, else from the files."""
    with database.read() as connection:
        found = _result(connection, execution_id)
        stored = _stored(connection, execution_id)
        is_whole = not found["is_truncated"]
        document = select_document_rows(connection, execution_id) if is_whole else None
    names = [column["name"] for column in _columns(found["columns"])]
    rows = (
        downloads.rows_of_files(stored, names)
        if document is None
        else downloads.rows_of_document(document, names)
    )
    return Download(
        downloads.started(downloads.csv_chunks(names, rows)),
        media_type="text/csv",
        name=f"amc-{execution_id}.csv",
    )


@router.get("/files/{number}", dependencies=[DOWNLOAD_PLACE])
def download_file(
    execution_id: UUID, number: Annotated[int, Path(ge=1)], database: Database
) -> Download:
    """Send one Parquet file of the result.

    :param number: of the file in the document's list, from 1 on.
    """
    with database.read() as connection:
        stored = _stored(connection, execution_id)
    return Download(
        downloads.started(downloads.file_chunks(stored, number)),
        media_type="application/vnd.apache.parquet",
        name=f"amc-{execution_id}-part-{number:05d}.parquet",
    )


def _result(connection: Connection, execution_id: UUID) -> Row:
    return require_row(fetch_one(connection, "console/select_result", execution_id=execution_id))


def _stored(connection: Connection, execution_id: UUID) -> StoredResult:
    stored = select_stored_result(connection, execution_id)
    if stored is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, "The execution has no result: it is not a SUCCESS"
        )
    return stored


def _columns(fields: Any) -> list[dict[str, Any]]:
    return [
        {"name": column.name, "type": column.type_name, "role": column.column_type}
        for column in read_stored_columns(fields if isinstance(fields, list) else None)
    ]
