"""The AMC administration API, as far as it shows the state of an instance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from recomamp.amazon.base_client import ApiRequest
from recomamp.amazon.error_mapping import build_error, json_object, raise_for
from recomamp.amazon.request_paths import path_of
from recomamp.errors import TransientError, UnexpectedResponse

_TYPE = re.compile(r"[A-Z_]{1,32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AmcInstance:
    """An instance as Amazon describes it.

    ``creation_status`` and ``instance_type`` (STANDARD, SANDBOX, COLLABORATION) are Amazon's words.
    """

    instance_id: str
    creation_status: str | None
    instance_type: str | None


def get_instance(instance_id: str) -> ApiRequest:
    """Ask for an instance."""
    return ApiRequest(
        operation="get_instance",
        method="GET",
        path=path_of("/amc/instances", instance_id),
    )


def read_instance(response: httpx.Response) -> AmcInstance:
    """Read the answer, wrapped as on the wire or flat.

    :raises AmazonError: when it is an error, or not an instance.
    """
    raise_for(response)
    body = json_object(response)
    if body is None:
        raise build_error(response, TransientError, "JSON was expected")
    wrapped = body.get("instance")
    fields: Mapping[str, Any] = wrapped if isinstance(wrapped, dict) else body
    instance_id = fields.get("instanceId")
    if not isinstance(instance_id, str) or not instance_id:
        raise build_error(
            response, UnexpectedResponse, "an instance with an instanceId was expected"
        )
    status, kind = fields.get("creationStatus"), fields.get("instanceType")
    return AmcInstance(
        instance_id=instance_id,
        creation_status=status if isinstance(status, str) and status else None,
        instance_type=kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None,
    )
