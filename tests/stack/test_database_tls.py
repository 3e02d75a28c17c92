"""A database elsewhere is refused before anything starts, unless it is encrypted and verified."""

from __future__ import annotations

import pytest

from stack import RefusedError
from stack.database_tls import require_protected_database

DATABASE = "postgresql://pipeline:sesame@db.example.com/recomamp"
NAMES = ("AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_MIGRATE_URI")


@pytest.mark.parametrize("name", NAMES)
def test_a_weaker_mode_is_refused_by_name_without_the_password(name: str) -> None:
    with pytest.raises(RefusedError, match=rf"{name}: .*verify-full") as refused:
        require_protected_database({name: f"{DATABASE}?sslmode=require"})

    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AIRFLOW_CONN_RECOMAMP_DB": DATABASE},
        {"AIRFLOW_CONN_RECOMAMP_DB": f"{DATABASE}?sslmode=verify-full"},
        {"RECOMAMP_MIGRATE_URI": "postgresql://owner@127.0.0.1/recomamp?sslmode=disable"},
        {
            "RECOMAMP_MIGRATE_URI": f"{DATABASE}?sslmode=disable",
            "RECOMAMP_ALLOW_INSECURE_DATABASE": "db.example.com",
        },
        # Not what components see: the stack hands no PG* names on
        {"AIRFLOW_CONN_RECOMAMP_DB": DATABASE, "PGSERVICE": "other", "PGHOST": "elsewhere"},
    ],
)
def test_what_is_protected_or_allowed_in_so_many_words_passes(environ: dict[str, str]) -> None:
    require_protected_database(environ)
