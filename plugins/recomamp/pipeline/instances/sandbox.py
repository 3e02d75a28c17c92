"""Whether an instance has made-up data, as each execution on it has to say."""

from __future__ import annotations

import logging

from recomamp.amazon.amc.client import AmcClient
from recomamp.domain.amc_options import SANDBOX
from recomamp.errors import AmazonError, ConsentRevoked

log = logging.getLogger(__name__)


async def is_sandbox_instance(instance_type: str | None, amc: AmcClient) -> bool:
    """Return whether the instance has made-up data; Amazon is asked before the first health check.

    Where it does not say, the instance is taken for one with real data.

    :param instance_type: as the row has it, None where the row does not know.
    :raises ConsentRevoked: with Amazon's words; the next call would only know that it was.
    """
    if instance_type is not None:
        return instance_type == SANDBOX
    try:
        return (await amc.get_instance()).instance_type == SANDBOX
    except ConsentRevoked:
        raise
    except AmazonError as err:
        log.warning("The type of instance %s is unknown: %s", amc.account.instance_id, err)
        return False
