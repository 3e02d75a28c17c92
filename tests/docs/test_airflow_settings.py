"""docs/airflow-settings.md lists the settings of the code, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from recomamp.domain.airflow_settings import AIRFLOW_SETTINGS, AirflowSetting, Rule

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "airflow-settings.md").read_text()
MAY_BE = {Rule.AT_LEAST: "more", Rule.AT_MOST: "less"}


def row(setting: AirflowSetting) -> str:
    name = f"`{setting.environment_name}`"
    cells = [name, setting.value, MAY_BE[setting.rule], setting.reason]
    return f"| {' | '.join(cells)} |"


def test_the_table_is_the_codes() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `AIRFLOW__")]

    assert rows == [row(setting) for setting in AIRFLOW_SETTINGS]


def test_the_values_of_the_chart_are_the_codes() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    config = yaml.safe_load(block[1])["config"]

    ours: dict[str, dict[str, str]] = {}
    for setting in AIRFLOW_SETTINGS:
        ours.setdefault(setting.section, {})[setting.key] = setting.value

    assert {
        section: {key: str(value) for key, value in keys.items()}
        for section, keys in config.items()
    } == ours
