"""How AMC SQL is read where it differs from the parser's neutral dialect."""

from __future__ import annotations

from sqlglot.dialects.dialect import Dialect


class AmcSql(Dialect):
    """Calcite's conventions: arrays count from 1, NULL sorts as the largest value."""

    INDEX_OFFSET = 1
    NULL_ORDERING = "nulls_are_large"
