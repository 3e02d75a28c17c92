"""What instances offer, and how far Amazon is with them, can be set."""

from __future__ import annotations

from typing import Any

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient


def tables(caller: EmulatorClient) -> dict[str, dict[str, Any]]:
    answer = caller.call("GET", "/dataSources")
    assert answer.status_code == 200, answer.text
    return {one["dataSourceId"]: one for one in answer.json()["dataSources"]}


def test_a_table_is_hidden_from_one_instance_or_from_all(
    emulator: RunningEmulator, north: EmulatorClient, europe: EmulatorClient
) -> None:
    order = {"data_source_id": "dsp_views", "hidden": True}
    emulator.settings(data_sources=[{**order, "instance_id": "amcdemonorth"}])
    assert "dsp_views" not in tables(north)
    assert "dsp_views" in tables(europe)
    assert north.call("GET", "/dataSources/dsp_views").status_code == 404
    assert europe.call("GET", "/dataSources/dsp_views").status_code == 200
    emulator.settings(data_sources=[order])
    assert "dsp_views" not in tables(europe)
    emulator.settings(data_sources=[])
    assert "dsp_views" in tables(north)


def test_columns_come_change_and_go(emulator: RunningEmulator, north: EmulatorClient) -> None:
    before = {one["name"]: one for one in tables(north)["dsp_clicks"]["columns"]}
    emulator.settings(
        data_sources=[
            {
                "data_source_id": "dsp_clicks",
                "description": "Other words",
                "columns": [
                    {"name": "fresh", "dataType": "LONG", "columnType": "METRIC"},
                    {"name": "campaign", "description": "Its name"},
                ],
                "hidden_columns": ["advertiser"],
            }
        ]
    )
    changed = tables(north)["dsp_clicks"]
    after = {one["name"]: one for one in changed["columns"]}
    assert changed["description"] == "Other words"
    assert set(after) - set(before) == {"fresh"}
    assert set(before) - set(after) == {"advertiser"}
    assert after["campaign"]["description"] == "Its name"
    emulator.reset()
    assert {one["name"]: one for one in tables(north)["dsp_clicks"]["columns"]} == before


def test_an_upload_is_an_advertisers_own(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.settings(
        data_sources=[{"data_source_id": "crm", "uploaded": True, "columns": [{"name": "id"}]}]
    )
    upload = tables(north)["crm"]
    assert (upload["owner"], upload["provider"]) == ("CUSTOMER", "ADVERTISER_DATA_UPLOAD")


def test_an_order_that_makes_no_sense_is_refused_and_changes_nothing(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    before = tables(north)
    for order in ({"hidden": True}, {"data_source_id": "x", "columns": [{"dataType": "LONG"}]}):
        answer = emulator.http.put(
            f"{emulator.url}/_emulator/settings", json={"data_sources": [order]}
        )
        assert answer.status_code == 422
    assert tables(north) == before


def test_other_settings_keep_what_was_ordered(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(data_sources=[{"data_source_id": "dsp_views", "hidden": True}])
    emulator.settings(max_running=3)
    assert "dsp_views" not in tables(north)


def test_the_creation_status_of_instances_can_be_set(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(creation_status="IN_PROGRESS")
    answer = emulator.http.get(
        f"{emulator.url}/amc/instances/{north.instance}", headers=north.headers()
    )
    assert answer.json()["instance"]["creationStatus"] == "IN_PROGRESS"
