"""What AMC says of an execution that has SUCCEEDED: the columns of its result."""

from __future__ import annotations

from http import HTTPStatus

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.download import READY_WAITS_SECONDS, not_ready
from recomamp.domain.executions import AmcExecution
from recomamp.domain.result_columns import read_columns
from recomamp.errors import RequestRejected


async def describe_result(client: AmcClient, amc_execution_id: str) -> AmcExecution:
    """Return an execution that has SUCCEEDED, with the columns of its result.

    AMC is asked again for about a minute while it does not know the execution, or does not
    describe each column. In the end the columns may still be missing.

    :raises ResultNotReady: when AMC does not know the execution in the end either.
    """
    described: AmcExecution | None = None
    refusal: RequestRejected | None = None
    for wait_seconds in READY_WAITS_SECONDS:
        await client.sleep(wait_seconds)
        try:
            described = await client.get_execution(amc_execution_id)
        except RequestRejected as err:
            if err.status != HTTPStatus.NOT_FOUND:
                raise
            refusal = err
            continue
        if read_columns(described.output_columns):
            break
    if described is None:
        raise not_ready(f"AMC does not know execution {amc_execution_id} yet", refusal)
    return described
