"""Talks to Amazon: Login with Amazon and the AMC reporting API. No Airflow, no database."""

from __future__ import annotations
