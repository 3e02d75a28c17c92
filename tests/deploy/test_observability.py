"""The dashboard and the alert rules ask for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from recomamp.domain.metrics import METRICS, Gauge, Metric, Timer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana_dashboard.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((FOLDER / "alert_rules.yaml").read_text(encoding="utf-8"))

_SELECTOR = re.compile(r"\b(recomamp_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_BY = re.compile(r"\bby \(([^)]*)\)")


def series() -> dict[str, Metric]:
    """Return every series that Prometheus has, with its metric."""
    found: dict[str, Metric] = {}
    for metric in METRICS:
        ends = ("_bucket", "_sum", "_count") if isinstance(metric, Timer) else ("",)
        found |= dict.fromkeys([metric.prometheus_name + end for end in ends], metric)
    return found


def dashboard_queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def labels_of(metric: Metric) -> set[str]:
    optional = metric.optional_tags if isinstance(metric, Gauge) else ()
    return {*metric.tags, *optional, *(["le"] if isinstance(metric, Timer) else [])}


@pytest.mark.parametrize("query", [*dashboard_queries(), *(rule["expr"] for rule in alerts())])
def test_a_query_names_series_and_labels_that_exist(query: str) -> None:
    known = series()
    selected = _SELECTOR.findall(query)
    assert selected
    assert {name for name, _ in selected} <= set(known)
    labels = set().union(*(labels_of(known[name]) for name, _ in selected))
    for name, condition in selected:
        assert set(_LABEL.findall(condition)) <= labels_of(known[name])
    for grouping in _BY.findall(query):
        assert set(re.findall(r"\w+", grouping)) <= labels


def test_a_statistic_of_a_name_is_of_its_kind() -> None:
    """A rate of a gauge, or a counter without one, would show nonsense."""
    known = series()
    for query in [*dashboard_queries(), *(rule["expr"] for rule in alerts())]:
        for name, metric in known.items():
            uses = len(re.findall(rf"\b{name}\b", query))
            in_rates = len(re.findall(rf"(?:rate|increase)\({name}\b", query))
            assert in_rates == (0 if isinstance(metric, Gauge) else uses), query


def test_the_dashboard_shows_every_metric_once_at_least() -> None:
    shown = {name for query in dashboard_queries() for name, _ in _SELECTOR.findall(query)}
    known = series()
    assert {known[name] for name in shown} == set(METRICS)


def test_panels_have_their_own_places_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        assert panel["description"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_guide_says_what_to_do_after_each_alert() -> None:
    text = (ROOT / "docs" / "how-to" / "observe-the-pipeline.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(Recomamp\w+)` \|", text, re.MULTILINE)
    assert explained == [rule["alert"] for rule in alerts()]
    assert all(rule["annotations"]["summary"].endswith(".") for rule in alerts())
    assert {rule["labels"]["severity"] for rule in alerts()} <= {"warning", "critical"}
