"""Make room: rows of old result documents, and files of results that were superseded.

Nothing goes that is the only copy. A document's rows go when the Parquet files that hold them are
there with the sizes that their load recorded. Files go when those of a later answer to the same
question are, and have as many rows. Each result is a transaction of its own, so that a run that
was killed goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from recomamp.domain.text import one_line
from recomamp.errors import ExecutionLocked
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store import retention
from recomamp.store.locks import Purpose, locked
from recomamp.store.maintenance_findings import Finding, FindingKind
from recomamp.store.results.stored_files import StoredFiles
from recomamp.store.retention import ExpiredDocument, Position, SupersededFiles

log = logging.getLogger(__name__)

PAGE_RESULTS = 50

Old = TypeVar("Old", ExpiredDocument, SupersededFiles)


@dataclass(kw_only=True, slots=True)
class Retention:
    """What became of old results."""

    done: int = 0
    findings: list[Finding] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def find(self, execution_id: UUID, detail: str) -> None:
        """Keep that a result stays, and why."""
        log.warning("Results of execution %s stay: %s", execution_id, one_line(detail))
        self.findings.append(
            Finding(
                kind=FindingKind.RESULT_FILES,
                subject=f"execution {execution_id}",
                detail=one_line(detail),
            )
        )

    @contextmanager
    def apart(self, execution_id: UUID) -> Iterator[None]:
        """Keep what goes wrong with one result within this block; others are tried all the same."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - every error is about this result
            log_failure(f"results of execution {execution_id}", err)
            self.failures.append(one_line(f"execution {execution_id}: {err}"))


def trim_documents(
    database: DatabaseHook, files: StoredFiles, *, before: datetime, now: datetime
) -> Retention:
    """Take the rows out of the documents of old results whose files are there."""
    retained = Retention()
    for document in _documents(database, before):
        with retained.apart(document.id):
            difference = _fewer(document) or files.find_difference(
                document.files,
                workflow_id=document.keeper_workflow_id,
                execution_id=document.keeper_id,
            )
            if difference:
                retained.find(document.id, f"the document keeps its rows: {difference}")
                continue
            with database.transaction() as connection:
                is_trimmed = retention.trim_document(
                    connection, document, trimmed_at=now, before=before
                )
            retained.done += is_trimmed
    log.info("%s result documents trimmed", retained.done)
    return retained


def delete_files(
    database: DatabaseHook, files: StoredFiles, *, before: datetime, now: datetime
) -> Retention:
    """Delete the files of old results that a later success has superseded."""
    retained = Retention()
    for old in _superseded(database, before):
        with retained.apart(old.id):
            if fewer := _fewer(old):
                retained.find(old.id, f"the files are kept: {fewer}")
                continue
            difference = files.find_difference(
                old.keeper_files, workflow_id=old.keeper_workflow_id, execution_id=old.keeper_id
            )
            if difference:
                retained.find(old.keeper_id, f"execution {old.id} keeps its files: {difference}")
                continue
            if _delete_unless_loaded(database, files, old, before=before, now=now):
                retained.done += 1
                log.info("Files of %s deleted: execution %s has them", old.id, old.keeper_id)
    log.info("Files of %s superseded results deleted", retained.done)
    return retained


def _delete_unless_loaded(
    database: DatabaseHook,
    files: StoredFiles,
    old: SupersededFiles,
    *,
    before: datetime,
    now: datetime,
) -> bool:
    """Delete the files of a result; False where a load is replacing them, or has done so."""
    try:
        with locked(database.get_conn, old.id, Purpose.LOAD), database.transaction() as connection:
            if not retention.set_files_deleted(connection, old, deleted_at=now, before=before):
                return False
            # Before the commit: a process that dies in between leaves the row as it was
            files.delete(old.files, workflow_id=old.workflow_id, execution_id=old.id)
    except ExecutionLocked:
        return False
    return True


def _fewer(old: Old) -> str:
    """Say that there are fewer rows in what would be kept; empty where there are as many."""
    if old.is_as_full:
        return ""
    later = f"execution {old.keeper_id} answered the same question later"
    return f"{later}, and is not known to have as many rows"


def _documents(database: DatabaseHook, before: datetime) -> Iterator[ExpiredDocument]:
    def page(after: Position) -> list[ExpiredDocument]:
        with database.transaction() as connection:
            return retention.select_documents_to_trim(
                connection, before=before, after=after, limit=PAGE_RESULTS
            )

    return _pages(page)


def _superseded(database: DatabaseHook, before: datetime) -> Iterator[SupersededFiles]:
    def page(after: Position) -> list[SupersededFiles]:
        with database.transaction() as connection:
            return retention.select_files_to_delete(
                connection, before=before, after=after, limit=PAGE_RESULTS
            )

    return _pages(page)


def _pages(read: Callable[[Position], list[Old]]) -> Iterator[Old]:
    """Read page after page; what stays is passed once, so that it holds up nothing."""
    after = Position()
    while page := read(after):
        yield from page
        after = Position(completed_at=page[-1].completed_at, id=page[-1].id)
