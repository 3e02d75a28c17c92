from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.amazon import make_account, make_execution
from recomamp.amazon.amc import requests
from recomamp.amazon.amc.requests import execution_body
from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.errors import InvalidDefinition

BERLIN = ZoneInfo("Europe/Berlin")


def window(start, end, zone="Europe/Berlin", **changes):
    return Window(start=start, end=end, time_zone=zone, **changes)


def window_fields(which):
    body = execution_body(make_execution(window=which))
    return {key: value for key, value in body.items() if key.startswith("timeWindow")}


def test_an_explicit_window_travels_as_wall_time_of_its_zone_without_offset():
    fields = window_fields(
        window(datetime(2025, 7, 1, tzinfo=BERLIN), datetime(2025, 7, 8, tzinfo=BERLIN))
    )

    assert fields == {
        "timeWindowType": "EXPLICIT",
        "timeWindowStart": "2025-07-01T00:00:00",
        "timeWindowEnd": "2025-07-08T00:00:00",
        "timeWindowTimeZone": "Europe/Berlin",
    }


def test_a_window_over_a_change_of_clocks_stays_in_its_zone():
    fields = window_fields(
        window(datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 30, 22, tzinfo=UTC))
    )

    assert fields["timeWindowStart"] == "2025-03-30T00:00:00"
    assert fields["timeWindowEnd"] == "2025-03-31T00:00:00"
    assert fields["timeWindowTimeZone"] == "Europe/Berlin"


@pytest.mark.parametrize("hour", [0, 1], ids=["first 02:00", "second 02:00"])
def test_a_bound_that_occurs_twice_is_sent_in_utc(hour):
    twice = datetime(2025, 10, 26, hour, tzinfo=UTC)  # 02:00 in Berlin, both times
    day = timedelta(days=1)

    until, since = (
        window_fields(window(twice - day, twice)),
        window_fields(window(twice, twice + day)),
    )

    assert until["timeWindowTimeZone"] == since["timeWindowTimeZone"] == "UTC"
    assert until["timeWindowStart"] == f"2025-10-25T0{hour}:00:00"
    assert until["timeWindowEnd"] == since["timeWindowStart"] == f"2025-10-26T0{hour}:00:00"
    assert since["timeWindowEnd"] == f"2025-10-27T0{hour}:00:00"


def test_a_bound_that_its_zone_skips_is_the_moment_it_stands_for():
    skipped = datetime(2025, 3, 30, 2, 30, tzinfo=BERLIN)  # the clocks go from 02:00 to 03:00

    fields = window_fields(window(datetime(2025, 3, 29, tzinfo=BERLIN), skipped))

    assert fields["timeWindowEnd"] == "2025-03-30T03:30:00"


@given(
    start=st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minute: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe"]),
    minutes=st.integers(1, 60 * 24 * 30),
)
def test_what_is_sent_stands_for_exactly_the_window(start, zone, minutes):
    end = start + timedelta(minutes=minutes)

    fields = window_fields(window(start, end, zone))

    sent_zone = ZoneInfo(fields["timeWindowTimeZone"])
    for sent, meant in (("timeWindowStart", start), ("timeWindowEnd", end)):
        wall = datetime.fromisoformat(fields[sent])
        readings = {wall.replace(tzinfo=sent_zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        assert readings == {meant}


def test_a_relative_window_travels_without_times():
    fields = window_fields(
        window(
            datetime(2025, 7, 1, tzinfo=UTC),
            datetime(2025, 7, 2, tzinfo=UTC),
            type=WindowType.PREVIOUS_MONTH,
        )
    )

    assert fields == {"timeWindowType": "PREVIOUS_MONTH", "timeWindowTimeZone": "Europe/Berlin"}


def test_an_unknown_zone_is_refused_before_anything_is_sent():
    with pytest.raises(InvalidDefinition, match="Mars/Olympus"):
        window_fields(
            window(
                datetime(2025, 7, 1, tzinfo=UTC), datetime(2025, 7, 2, tzinfo=UTC), "Mars/Olympus"
            )
        )


def test_the_body_embeds_the_query_under_our_name():
    call = requests.create_execution(
        "amcx",
        make_execution(
            workflow_id="recomamp-1",
            sql="SELECT 1",
            input_parameters=({"name": "limit", "dataType": "LONG", "defaultValue": "7"},),
            parameter_values={"limit": "9"},
            timeout_seconds=7200,
        ),
    )

    assert (call.method, call.path) == ("POST", "/amc/reporting/amcx/workflowExecutions")
    assert call.repeatable is False
    assert call.body is not None
    assert call.body["workflow"] == {
        "workflowId": "recomamp-1",
        "sqlQuery": "SELECT 1",
        "inputParameters": [{"name": "limit", "dataType": "LONG", "defaultValue": "7"}],
        "outputFormat": {
            "separatorCharacter": ",",
            "quoteCharacter": '"',
            "escapeCharacter": '"',
        },
    }
    assert call.body["parameterValues"] == {"limit": "9"}
    assert call.body["workflowExecutionTimeoutSeconds"] == 7200
    assert "workflowId" not in call.body


def test_what_is_not_given_is_not_sent():
    body = execution_body(make_execution())

    assert set(body["workflow"]) == {"workflowId", "sqlQuery", "outputFormat"}
    assert "parameterValues" not in body
    assert "workflowExecutionTimeoutSeconds" not in body


def test_a_list_asks_for_full_pages_and_for_cancelled_executions():
    call = requests.list_executions(
        "amcx", min_creation_time=datetime(2025, 7, 1, 12, 0, 5, 999, tzinfo=BERLIN)
    )

    assert call.query == {
        "minCreationTime": "2025-07-01T10:00:05",
        "includeCancelled": "true",
        "limit": "100",
    }


def test_a_list_needs_a_name_or_a_time():
    with pytest.raises(ValueError, match="workflow_id or by min_creation_time"):
        requests.list_executions("amcx")


def test_ids_cannot_leave_their_place_in_the_path():
    call = requests.get_execution("amc/../x", "a?b")

    assert call.path == "/amc/reporting/amc%2F..%2Fx/workflowExecutions/a%3Fb"


def test_every_call_names_client_entity_and_marketplace():
    assert requests.account_headers(make_account("https://x")) == {
        "Amazon-Advertising-API-ClientId": "amzn1.application-oa2-client.demo",
        "Amazon-Advertising-API-AdvertiserId": "ENTITYDEMONORTH",
        "Amazon-Advertising-API-MarketplaceId": "ATVPDKIKX0DER",
    }


def test_options_go_into_the_workflow_and_a_dry_run_beside_it():
    options = {"privacyFilteringBehavior": "REMOVE_VALUES", "filteredReasonColumn": "why"}
    body = execution_body(make_execution(options=options, dry_run=True))

    assert body["workflow"].items() >= options.items()
    assert body["dryRun"] is True
    assert not {*options, "requireSyntheticData"} & set(body)


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_controls_are_disabled_beside_made_up_data_alone(is_sandbox):
    options = {"disableAggregationControls": True}
    body = execution_body(make_execution(options=options, requires_synthetic_data=is_sandbox))

    assert body.get("disableAggregationControls", False) is is_sandbox
    assert "disableAggregationControls" not in body["workflow"]
