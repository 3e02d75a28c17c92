"""Talks to Postgres, one function per SQL file, and to the results' storage. No Airflow."""

from __future__ import annotations
