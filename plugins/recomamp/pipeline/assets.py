"""The two Assets of a workflow, which its loads update: of any result, and of each window.

The name holds the id. A task whose outlet is not active fails, and Airflow holds one active Asset
per name and per URI: a name that follows the workflow's name would stop loads after a rename, and
two workflows of one name would stop each other. The group may change at any time.
"""

from __future__ import annotations

from uuid import UUID

from airflow.sdk import Asset

_KEYED = "/windows"


def workflow_assets(workflow_id: UUID, group: str) -> list[Asset]:
    """Return the Asset whose events have no key, and the one whose events name the window.

    They are two, because an event with a key starts no DAG that is scheduled on the Asset alone.

    :param group: a name for display; empty for Airflow's own default.
    """
    name, uri = f"amc_workflow_{workflow_id}", f"recomamp://workflows/{workflow_id}"
    group = group or Asset.asset_type
    return [
        Asset(name=name, uri=uri, group=group),
        Asset(name=f"{name}_windows", uri=f"{uri}{_KEYED}", group=group),
    ]


def has_keys(asset: Asset) -> bool:
    """Return whether the events of an Asset of ours name the window."""
    return asset.uri.endswith(_KEYED)
