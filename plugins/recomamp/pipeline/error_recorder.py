"""Keep the calls to Amazon that failed, beside the work and never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.amazon.failed_calls import FailedCall
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store.api_errors import insert_api_error

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRecorder:
    """Writes failed calls into ``amc_api_errors``; where it cannot, it says so and no more.

    :param connect: opens a connection of its own for every failed call.
    """

    connect: Callable[[], Connection]
    instance_key: UUID
    user_id: UUID
    execution_id: UUID | None

    async def __call__(self, call: FailedCall) -> None:
        """Keep a failed call."""
        try:
            await asyncio.to_thread(self._insert, call)
        except Exception as err:  # noqa: BLE001 - the call that failed is what matters
            log_failure("a failed call to Amazon is not in amc_api_errors", err)

    def _insert(self, call: FailedCall) -> None:
        with closing(self.connect()) as connection, connection:
            insert_api_error(
                connection,
                instance_key=self.instance_key,
                user_id=self.user_id,
                execution_id=self.execution_id,
                **asdict(call),
            )
