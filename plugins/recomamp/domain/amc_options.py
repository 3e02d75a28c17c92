"""Options of a workflow that go to AMC with its query, in AMC's own names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# The type of an instance whose data Amazon makes up
SANDBOX = "SANDBOX"

# The columns that AMC adds to a result so that the rows privacy has changed can be counted
FLAG_COLUMN = "recomamp_filtered"
REASON_COLUMN = "recomamp_filter_reason"

PRIVACY_BEHAVIOR = "privacyFilteringBehavior"
FLAG_FIELD = "filteredMetricsDiscriminatorColumn"
REASON_FIELD = "filteredReasonColumn"
NO_CONTROLS = "disableAggregationControls"

_OWN_NAME = re.compile(rf"\b(?:{FLAG_COLUMN}|{REASON_COLUMN})\b", re.IGNORECASE)


class PrivacyFiltering(StrEnum):
    """What AMC does with a row of too few users (constraint chk_workflow_privacy_filtering)."""

    REMOVE_ROWS = "REMOVE_ROWS"  # AMC's default
    REMOVE_VALUES = "REMOVE_VALUES"  # sensitive values become NULL, like rows are added up


def hidden_row_handling(sent: Mapping[str, Any]) -> PrivacyFiltering | None:
    """Return what becomes of the rows that AMC flags, None where it was not asked to flag any.

    :param sent: options as ``AmcOptions.as_sent`` writes them.
    """
    if FLAG_FIELD not in sent:
        return None
    return PrivacyFiltering(sent.get(PRIVACY_BEHAVIOR, PrivacyFiltering.REMOVE_ROWS))


@dataclass(frozen=True, kw_only=True, slots=True)
class AmcOptions:
    """The columns of ``workflows`` that change how AMC runs the query."""

    privacy_filtering: PrivacyFiltering = PrivacyFiltering.REMOVE_ROWS
    counts_hidden_rows: bool = False
    disable_aggregation_controls: bool = False

    def as_sent(self) -> dict[str, Any]:
        """Return the options for ``workflow_executions.amc_options``; AMC's defaults are left out.

        A column for flags alone makes AMC keep the rows that it would remove. REMOVE_ROWS beside
        it would contradict it.
        """
        sent: dict[str, Any] = {}
        if self.privacy_filtering is not PrivacyFiltering.REMOVE_ROWS:
            sent[PRIVACY_BEHAVIOR] = self.privacy_filtering.value
        if self.counts_hidden_rows:
            sent |= {FLAG_FIELD: FLAG_COLUMN, REASON_FIELD: REASON_COLUMN}
        if self.disable_aggregation_controls:
            sent[NO_CONTROLS] = True
        return sent

    def findings(self, instance_type: str | None) -> tuple[str, ...]:
        """Return what an instance of that type will not do; None is a type not yet known."""
        if not self.disable_aggregation_controls or instance_type in (None, SANDBOX):
            return ()
        return (
            "disable_aggregation_controls has no effect: the instance has real data, and privacy "
            "holds there; set it to false, or run the workflow on a SANDBOX instance",
        )

    def find_reserved_name(self, sql: str) -> str | None:
        """Return a name of the added columns that the query uses, where they are asked for."""
        found = _OWN_NAME.search(sql) if self.counts_hidden_rows else None
        return found[0] if found else None
