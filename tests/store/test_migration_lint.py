"""Migrations give nobody rights by accident, and run no text as SQL."""

from __future__ import annotations

import re

import pytest

from recomamp.store.migrate import MIGRATIONS_DIRECTORY

# Their argument is the name of a row of counter(), and what they run stands in that function
NAMES_A_COUNTER = ("count_children", "reset_counter", "enforce_counter")

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_FUNCTION = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b.*?"
    r"AS\s+(?P<quote>\$\w*\$)(?P<body>.*?)(?P=quote)(?P<after>[^;]*);",
    re.IGNORECASE | re.DOTALL,
)
_SAFE_PATH = re.compile(r"\bSET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp\b", re.I)
# EXECUTE of a statement that is a literal or format() of one; EXECUTE FUNCTION is a trigger's
_EXECUTE = re.compile(
    r"\bEXECUTE\s+(?!FUNCTION\b|PROCEDURE\b|ON\b)(?!(?:pg_catalog\.)?format\s*\(\s*(?:'|\$)|'|\$)",
    re.IGNORECASE,
)
# Takes rights that PostgreSQL or Supabase would give by default
_CLOSING = re.compile(r"\bALTER\s+DEFAULT\s+PRIVILEGES\b[^;']*?\bREVOKE\b", re.IGNORECASE)
_FORMATTED_RAW = re.compile(r"\bEXECUTE\b[^;]*?%(?:\d+\$)?s", re.IGNORECASE | re.DOTALL)


def problems(text: str) -> list[str]:
    """Return what is wrong with a migration, in the order of the text where there is one."""
    text = _COMMENT.sub("", text)
    found = [problem for one in _FUNCTION.finditer(text) for problem in _function_problems(one)]
    if re.search(r"\bALTER\s+FUNCTION\b[^;]*\bSECURITY\s+DEFINER\b", text, re.I):
        found.append("SECURITY DEFINER stands where the function is created")
    if _EXECUTE.search(_FUNCTION.sub("", text)):
        found.append("EXECUTE runs a literal or format() of one")
    found += [f"{table}: ENABLE ROW LEVEL SECURITY is missing" for table in _open_tables(text)]
    if re.search(r"\b(?:GRANT|REVOKE)\b", _CLOSING.sub("", text), re.I):
        found.append("rights are given in access.sql alone")
    return found


def _function_problems(function: re.Match[str]) -> list[str]:
    body, head = function["body"], function[0].replace(function["body"], "")
    name = " ".join(function[0].split())[:60]
    found = []
    if re.search(r"\bSECURITY\s+DEFINER\b", head, re.I) and not _SAFE_PATH.search(head):
        found.append(f"{name}: SECURITY DEFINER needs SET search_path = pg_catalog, pg_temp")
    if re.search(rf"\bFUNCTION\s+public\.(?:{'|'.join(NAMES_A_COUNTER)})\(", head):
        return found
    if re.search(r"\bTG_ARGV\b", body, re.I) and "EXECUTE" in body:
        found.append(f"{name}: a trigger's arguments must not become SQL")
    if _EXECUTE.search(body) or _FORMATTED_RAW.search(body):
        found.append(f"{name}: EXECUTE runs a literal or format() of one, and never %s")
    return found


def _open_tables(text: str) -> list[str]:
    made = re.findall(
        r"\bCREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.\"]+)", text, re.I
    )
    closed = re.findall(
        r"\bALTER\s+TABLE\s+(?:ONLY\s+)?([\w.\"]+)\s+ENABLE\s+ROW\s+LEVEL\s+SECURITY", text, re.I
    )
    plain = {name.removeprefix("public.") for name in closed}
    return [name for name in made if name.removeprefix("public.") not in plain]


def test_migrations_keep_the_rules() -> None:
    found = {
        path.name: problems(path.read_text(encoding="utf-8"))
        for path in sorted(MIGRATIONS_DIRECTORY.glob("*.sql"))
    }

    assert {name: problem for name, problem in found.items() if problem} == {}


DEFINER = """
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {path} AS $$ BEGIN {body} END $$;
"""
GOOD = [
    DEFINER.format(path="pg_catalog, pg_temp", body="RETURN NEW;"),
    DEFINER.format(
        path="pg_catalog, pg_temp", body="EXECUTE format('DELETE FROM %I', TG_TABLE_NAME);"
    ),
    "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION public.f();",
    "CREATE TABLE public.a (id int); ALTER TABLE a ENABLE ROW LEVEL SECURITY;",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon;",
    "-- GRANT in a comment, and SECURITY DEFINER",
]
BAD = [
    (DEFINER.format(path="public, pg_temp", body="RETURN NEW;"), "search_path"),
    (DEFINER.format(path="pg_catalog", body="RETURN NEW;"), "search_path"),
    (DEFINER.format(path="pg_catalog, pg_temp", body="EXECUTE TG_ARGV[0];"), "arguments"),
    (DEFINER.format(path="pg_catalog, pg_temp", body="EXECUTE statement;"), "EXECUTE"),
    (DEFINER.format(path="pg_catalog, pg_temp", body="EXECUTE format('%s', x);"), "%s"),
    ("DO $$ BEGIN EXECUTE what; END $$;", "EXECUTE"),
    ("ALTER FUNCTION f() SECURITY DEFINER;", "SECURITY DEFINER"),
    ("CREATE TABLE a (id int);", "ROW LEVEL SECURITY"),
    ("GRANT SELECT ON a TO recomamp_analyst;", "access.sql"),
    ("REVOKE ALL ON a FROM PUBLIC;", "access.sql"),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_keeps_the_rules_passes(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_what_breaks_a_rule_is_named(text: str, problem: str) -> None:
    assert any(problem in found for found in problems(text))
