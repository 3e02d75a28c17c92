"""Mails to users."""

from __future__ import annotations
