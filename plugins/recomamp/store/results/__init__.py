"""From the CSV files of an execution to Parquet files and the JSON document of its row."""

from __future__ import annotations
