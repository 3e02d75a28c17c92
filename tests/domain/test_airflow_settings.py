"""What is said of a deployment whose settings of Airflow do not suit the pipeline."""

from __future__ import annotations

import json

import pytest

from recomamp.domain.airflow_settings import (
    AIRFLOW_SETTINGS,
    AirflowSetting,
    Rule,
    celery_environment,
    differences,
    stack_environment,
)

OURS = {(one.section, one.key): one.value for one in AIRFLOW_SETTINGS}


def differences_with(section: str, key: str, value: str | None) -> list[str]:
    found = OURS | {(section, key): value}
    return list(differences(lambda *name: found[name]))


def test_our_own_values_are_allowed() -> None:
    assert list(differences(lambda *name: OURS[name])) == []


def test_a_difference_names_the_setting_its_remedy_and_the_consequence() -> None:
    assert differences_with("scheduler", "max_dagruns_per_loop_to_schedule", "20") == [
        "[scheduler] max_dagruns_per_loop_to_schedule is 20; set"
        " AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE to 500 (at least). Otherwise runs"
        " that wait at AMC use up the runs that the scheduler examines in one loop. Backfills"
        " come last and do not start. The value must exceed the number of runs under way."
    ]


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (Rule.AT_LEAST, ("30", "30.0", "31"), ("29.9", "-1")),
        (Rule.AT_MOST, ("30", "29.5", "0"), ("30.1", "600")),
    ],
)
def test_a_rule_says_how_a_value_may_differ(
    rule: Rule, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    setting = AirflowSetting("section", "key", "30", rule, "it fails")

    assert [value for value in (*allowed, *refused) if setting.allows(value)] == list(allowed)


@pytest.mark.parametrize("value", [None, "", "many"])
@pytest.mark.parametrize("setting", AIRFLOW_SETTINGS, ids=lambda one: one.key)
def test_a_value_that_is_none_or_no_number_is_a_difference(
    setting: AirflowSetting, value: str | None
) -> None:
    assert len(differences_with(setting.section, setting.key, value)) == 1


def test_the_environment_of_the_stack_sets_what_differs_in_nothing() -> None:
    environment = stack_environment()
    found = differences(lambda section, key: environment[f"AIRFLOW__{section}__{key}".upper()])
    assert list(found) == []


def test_the_bundles_of_the_stack_are_as_airflow_reads_them() -> None:
    setting = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    bundles = json.loads(stack_environment()[setting])
    assert [one["name"] for one in bundles] == ["dags-folder", "amc-shards-0", "amc-shards-1"]
    for bundle in bundles:
        assert set(bundle) == {"name", "classpath", "kwargs"}
        assert bundle["classpath"].endswith("Bundle")
        assert bundle["kwargs"] == {}


def test_celery_delivers_no_message_again_within_a_day() -> None:
    environment = celery_environment()
    assert environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"] == "86400"
