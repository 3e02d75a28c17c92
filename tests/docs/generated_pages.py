"""The parts of pages that are generated, and the StatsD mapping, which has the same metrics.

Each part of a page is between two marks.

`make schema` writes them. `test_generated_pages.py` compares them with the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from recomamp import errors
from recomamp.domain.airflow_settings import AIRFLOW_SETTINGS, AirflowSetting, Rule
from recomamp.domain.execution_states import TRANSITIONS
from recomamp.domain.metrics import METRICS, Gauge, Metric, Timer

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
STATSD_MAPPING = ROOT / "deploy" / "observability" / "statsd_mapping.yaml"
SCHEMA = ROOT / "include" / "sql" / "schema.sql"

GAUGE_LIFETIME = "15m"  # without a new value, so that an instance that is deleted disappears
MAPPING_HEAD = "# Names for the Prometheus StatsD exporter. `make schema` writes this file.\n"

_PART = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_GRANTED = re.compile(r"^GRANT ALL ON FUNCTION public\.(\w+)\((.*)\) TO (\w+);$", re.MULTILINE)
_MAY_BE = {Rule.AT_LEAST: "more", Rule.AT_MOST: "less"}


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) + "\n"


def _transitions() -> str:
    def rows() -> Iterator[Sequence[str]]:
        for one in TRANSITIONS:
            evidence = one.evidence + ("; AMC has SUCCEEDED" if one.needs_results else "")
            yield (one.source or "no row", one.target or "deleted", ", ".join(one.actors), evidence)

    return _table(("From", "To", "Actor", "Evidence"), rows())


def _errors() -> str:
    def rows(kind: type[errors.PipelineError], depth: int = 0) -> Iterator[Sequence[str]]:
        for error in kind.__subclasses__():
            if error.__module__ == errors.__name__:
                final = "yes" if issubclass(error, errors.FINAL_ERRORS) else "–"
                summary = (error.__doc__ or "").partition("\n")[0].replace("``", "`")
                name = "— " * depth + f"`{error.__name__}`"
                yield (name, f"`{error.error_type}`", final, summary)
                yield from rows(error, depth + 1)

    return _table(("Error", "Type", "Final", "Meaning"), rows(errors.PipelineError))


def _functions() -> str:
    granted: dict[str, list[str]] = {}
    for name, arguments, role in _GRANTED.findall(SCHEMA.read_text(encoding="utf-8")):
        granted.setdefault(f"`{name}({arguments})`", []).append(f"`{role}`")
    callers = ((name, ", ".join(roles)) for name, roles in sorted(granted.items()))
    return _table(("Function", "Roles that may call it"), callers)


def _airflow_settings() -> str:
    def row(setting: AirflowSetting) -> Sequence[str]:
        name = f"`{setting.environment_name}`"
        return (name, setting.value, _MAY_BE[setting.rule], setting.reason)

    return _table(("Setting", "Value", "May be", "Otherwise"), map(row, AIRFLOW_SETTINGS))


def _helm_values() -> str:
    sections: dict[str, list[AirflowSetting]] = {}
    for setting in AIRFLOW_SETTINGS:
        sections.setdefault(setting.section, []).append(setting)
    lines = ["```yaml", "config:"]
    for section, settings in sections.items():
        lines += [f"  {section}:"] + [f"    {one.key}: {one.value}" for one in settings]
    return "\n".join([*lines, "```"]) + "\n"


def _metrics() -> str:
    def row(metric: Metric) -> Sequence[str]:
        tags = [*metric.tags, *getattr(metric, "optional_tags", ())]
        shown = ", ".join(f"`{tag}`" for tag in tags) or "–"
        names = (f"`{metric.name}`", f"`{metric.prometheus_name}`")
        return (*names, metric.kind, metric.unit, shown, metric.meaning)

    head = ("Name", "At Prometheus", "Kind", "Unit", "Tags", "Meaning")
    return _table(head, map(row, METRICS))


def statsd_mapping() -> dict[str, Any]:
    """Return the configuration of a StatsD exporter that gives each metric its name."""

    def rule(metric: Metric) -> dict[str, Any]:
        meaning = metric.meaning.replace("`", "")
        found = {"match": f"airflow.{metric.name}", "name": metric.prometheus_name, "help": meaning}
        if isinstance(metric, Timer):
            found["observer_type"] = "histogram"
            found["histogram_options"] = {"buckets": list(metric.buckets_seconds)}
        if isinstance(metric, Gauge):
            found["ttl"] = GAUGE_LIFETIME
        return found

    return {"mappings": [rule(metric) for metric in METRICS]}


PARTS: dict[str, Callable[[], str]] = {
    "transitions": _transitions,
    "errors": _errors,
    "functions": _functions,
    "airflow_settings": _airflow_settings,
    "helm_values": _helm_values,
    "metrics": _metrics,
}


def pages() -> dict[Path, list[str]]:
    """Return the pages that have generated parts, each with the names of its parts."""
    found = {}
    for page in sorted(DOCS.rglob("*.md")):
        names = [part[2] for part in _PART.finditer(page.read_text(encoding="utf-8"))]
        if names:
            found[page] = names
    return found


def rendered(page: Path) -> str:
    """Return a page with all its generated parts as they should be."""
    text = page.read_text(encoding="utf-8")
    return _PART.sub(lambda part: part[1] + PARTS[part[2]]() + part[4], text)


def main() -> None:
    """Write the generated parts of all pages."""
    for page in pages():
        page.write_text(rendered(page), encoding="utf-8")
    mapping = yaml.safe_dump(statsd_mapping(), sort_keys=False, width=100)
    STATSD_MAPPING.write_text(f"{MAPPING_HEAD}{mapping}", encoding="utf-8")


if __name__ == "__main__":
    main()
