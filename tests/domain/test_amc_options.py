"""Options of a workflow, in AMC's names."""

from __future__ import annotations

import pytest

from recomamp.domain.amc_options import AmcOptions, PrivacyFiltering, hidden_row_handling

COUNTING = {
    "filteredMetricsDiscriminatorColumn": "recomamp_filtered",
    "filteredReasonColumn": "recomamp_filter_reason",
}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {}),
        (
            {"privacy_filtering": PrivacyFiltering.REMOVE_VALUES},
            {"privacyFilteringBehavior": "REMOVE_VALUES"},
        ),
        ({"counts_hidden_rows": True}, COUNTING),
        (
            {"counts_hidden_rows": True, "privacy_filtering": PrivacyFiltering.REMOVE_VALUES},
            {**COUNTING, "privacyFilteringBehavior": "REMOVE_VALUES"},
        ),
        ({"disable_aggregation_controls": True}, {"disableAggregationControls": True}),
    ],
)
def test_only_what_differs_from_amcs_defaults_is_sent(options, sent):
    assert AmcOptions(**options).as_sent() == sent


@pytest.mark.parametrize("filtering", PrivacyFiltering)
@pytest.mark.parametrize("is_counting", [True, False])
def test_what_was_sent_says_what_becomes_of_flagged_rows(filtering, is_counting):
    sent = AmcOptions(privacy_filtering=filtering, counts_hidden_rows=is_counting).as_sent()
    assert hidden_row_handling(sent) == (filtering if is_counting else None)


@pytest.mark.parametrize(
    ("kind", "is_found"), [("STANDARD", True), ("COLLABORATION", True), ("SANDBOX", False)]
)
def test_disabled_controls_are_a_finding_where_data_is_real(kind, is_found):
    options = AmcOptions(disable_aggregation_controls=True)
    assert bool(options.findings(kind)) == is_found
    assert options.findings(None) == ()  # the type is not known yet
    assert AmcOptions().findings(kind) == ()


def test_the_finding_says_why_nothing_happens_and_what_to_do():
    (finding,) = AmcOptions(disable_aggregation_controls=True).findings("STANDARD")
    assert finding.startswith("disable_aggregation_controls has no effect: the instance has real")
    assert finding.endswith("set it to false, or run the workflow on a SANDBOX instance")


def test_a_query_may_use_the_names_while_nothing_is_counted():
    sql = 'SELECT campaign AS "Recomamp_Filtered" FROM dsp_impressions'
    assert AmcOptions(counts_hidden_rows=True).find_reserved_name(sql) == "Recomamp_Filtered"
    assert AmcOptions().find_reserved_name(sql) is None
    longer = sql.replace("Filtered", "Filtered_days")
    assert AmcOptions(counts_hidden_rows=True).find_reserved_name(longer) is None
