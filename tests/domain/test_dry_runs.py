"""What a dry run sends, and what AMC's answer says about the query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.dry_runs import (
    LONGEST_PAUSE,
    DryRunAnswer,
    DryRunStatus,
    marked,
    next_try_at,
    refused,
    sample_window,
    with_samples,
)
from recomamp.domain.sql.binding import bind
from recomamp.domain.sql.dialect import tokenize
from recomamp.domain.sql.parameter_types import ParameterType
from recomamp.domain.sql.parameters import declare

NOW = datetime(2026, 5, 10, 0, 30, tzinfo=UTC)


def test_the_window_is_the_latest_day_whose_data_is_complete():
    window = sample_window(NOW)
    assert (window.start, window.end, window.time_zone) == (
        datetime(2026, 5, 7, tzinfo=UTC),
        datetime(2026, 5, 8, tzinfo=UTC),
        "UTC",
    )


@pytest.mark.parametrize("kind", ParameterType)
@pytest.mark.parametrize("array", ["{}", "ARRAY<{}>"])
def test_a_parameter_without_a_value_gets_one_of_its_type(kind, array):
    declared = declare({"p": {"type": array.format(kind)}, "q": 7})
    parameters, sampled = with_samples(declared)
    assert sampled == ["p"]
    assert parameters["q"] == declared["q"]
    assert isinstance(parameters["p"].value, tuple) is ("ARRAY" in array)
    where = "x IN ({{p}})" if "ARRAY" in array else "x = {{p}}"
    assert bind(f"SELECT a FROM t WHERE {where}", parameters).sql


def test_an_optional_parameter_without_a_value_stays_null():
    declared = declare({"p": {"type": "LONG", "required": False}})
    assert with_samples(declared) == (declared, [])


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 1 -- the end"])
def test_the_mark_changes_no_word_of_the_query(sql):
    assert marked(sql) != sql
    assert [token.text for token in tokenize(marked(sql))] == [
        token.text for token in tokenize(sql)
    ]


def test_a_refusal_keeps_amcs_words():
    words = "Table 'dsp_impresions' not found"
    assert refused(words, []) == DryRunAnswer(status=DryRunStatus.REFUSED, message=words)
    assert refused("x" * 1_000, []).message == "x" * 1_000


@pytest.mark.parametrize("words", ["", " \n"])
def test_a_refusal_without_words_is_called_so(words):
    assert refused(words, []).message == "without a text"


@pytest.mark.parametrize(
    "words",
    [
        'Execution "X" of workflow "Y" could not be run because too many workflows have already'
        " been run against the same input data sources in the same or overlapping time windows.",
        "requireSyntheticData must be true for executions in sandbox instances.",
        "Terms and conditions must be accepted to continue.",
    ],
)
def test_a_refusal_that_may_pass_is_no_finding(words):
    assert refused(words, []) == DryRunAnswer(status=DryRunStatus.UNKNOWN, message=words)


def test_a_threshold_of_the_class_internal_does_not_pass():
    assert refused("its aggregation threshold is INTERNAL", []).status is DryRunStatus.REFUSED


def test_a_refusal_of_sample_values_names_the_parameters():
    answer = refused("no duration", ["after", "before"])
    assert answer.status is DryRunStatus.INVALID
    assert answer.message is not None
    assert "sample values of after, before; give them defaults" in answer.message
    assert answer.message.endswith("no duration")


def test_beside_many_parameters_amcs_words_are_read_to_their_end():
    message = refused("w" * 1_000, ["a" * 249, "b" * 249]).message
    assert "b" * 249 + "; give them defaults" in message
    longest = refused("w" * 1_000, ["a" * 200] * 50).message
    assert longest.endswith("w" * 1_000)
    assert len(longest) <= 2_000


@given(st.text(), st.lists(st.text(min_size=1, max_size=500), max_size=50))
def test_a_message_fits_into_its_column(words, sampled):
    message = refused(words * 100, sampled).message
    assert message is not None
    assert len(message) <= 2_000
    assert "\0" not in message


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 10), (2, 20), (3, 40), (8, 1_280), (9, 24 * 60), (10, 24 * 60)]
)
def test_the_pause_doubles_from_try_to_try(attempts, minutes):
    unknown = DryRunAnswer(status=DryRunStatus.UNKNOWN)
    assert next_try_at(unknown, attempts, NOW) == NOW + timedelta(minutes=minutes)


@given(st.integers(1, 10_000))
def test_the_pause_grows_to_a_day_and_only_an_unknown_answer_is_tried_again(attempts):
    later = next_try_at(DryRunAnswer(status=DryRunStatus.UNKNOWN), attempts, NOW)
    assert later is not None
    assert timedelta(minutes=10) <= later - NOW <= LONGEST_PAUSE
    for status in set(DryRunStatus) - {DryRunStatus.UNKNOWN}:
        assert next_try_at(DryRunAnswer(status=status), attempts, NOW) is None
