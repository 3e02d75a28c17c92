"""Who a session is: a claim counts where the login is trusted to check it, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows
from fixtures.supabase import OWNER, Supabase


@pytest.fixture
def owner(supabase: Supabase) -> Iterator[Database]:
    """Provide the database in the superuser's hands, without rows of people."""
    database = supabase.database()
    database.query("DELETE FROM users")
    yield database
    database.query("DELETE FROM users")
    database.close()


@pytest.fixture
def bob(owner: Database) -> Row:
    """Provide the user whose rows others would like to see."""
    return Rows(owner).user(email="bob@b.example")


@pytest.fixture
def analyst_login(supabase: Supabase, owner: Database) -> Iterator[str]:
    """Provide an SQL login with the rights of analysts, and no user behind it yet."""
    owner.query("CREATE ROLE ann_login LOGIN IN ROLE recomamp_analyst")
    yield "ann_login"
    owner.query("DROP ROLE ann_login")


def claim(user: Row) -> str:
    return json.dumps({"sub": user["id"], "role": "authenticated"})


def seen_by(supabase: Supabase, login: str, user: Row, role: str | None = None) -> list[str]:
    """Return the addresses that a login sees when it claims to be a user."""
    connection = supabase.connect(login)
    try:
        with connection.cursor() as cursor:
            if role is not None:
                cursor.execute("SELECT set_config('role', %s, false)", [role])
            for setting, value in (
                ("request.jwt.claims", claim(user)),
                ("request.jwt.claim.sub", user["id"]),
            ):
                cursor.execute("SELECT set_config(%s, %s, false)", [setting, value])
            cursor.execute("SELECT email FROM public.users")
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


def test_a_request_is_the_user_of_its_claims(supabase: Supabase, bob: Row) -> None:
    with supabase.request("authenticated", bob["id"]) as cursor:
        cursor.execute("SELECT email FROM public.users")
        assert cursor.fetchall() == [("bob@b.example",)]


def test_a_request_without_a_user_sees_nothing(supabase: Supabase, bob: Row) -> None:
    with supabase.request("authenticated") as cursor:
        cursor.execute("SELECT email FROM public.users")
        assert cursor.fetchall() == []


def test_a_login_of_ones_own_does_not_choose_its_user(
    supabase: Supabase, bob: Row, analyst_login: str
) -> None:
    assert seen_by(supabase, analyst_login, bob) == []
    assert seen_by(supabase, analyst_login, bob, role="recomamp_analyst") == []


def test_a_login_is_the_user_that_the_owner_gave_it(
    supabase: Supabase, owner: Database, bob: Row, analyst_login: str
) -> None:
    ann = Rows(owner).user(email="ann@a.example")
    owner.query(
        "INSERT INTO database_logins (login_name, user_id) VALUES (%s, %s)",
        [analyst_login, ann["id"]],
    )

    assert seen_by(supabase, analyst_login, bob) == ["ann@a.example"]
    owner.query("DELETE FROM users WHERE id = %s", [ann["id"]])
    assert seen_by(supabase, analyst_login, bob) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO public.database_logins (login_name, reads_claims) VALUES ('ann_login', true)",
        "UPDATE public.database_logins SET reads_claims = true",
        "SELECT * FROM public.database_logins",
        "SET SESSION AUTHORIZATION authenticator",
        "SET ROLE authenticator",
    ],
)
def test_a_login_does_not_make_itself_trusted(
    supabase: Supabase, analyst_login: str, statement: str
) -> None:
    connection = supabase.connect(analyst_login)
    try:
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
    finally:
        connection.close()


def test_the_owner_may_look_as_anybody(supabase: Supabase, bob: Row) -> None:
    """The owner reaches every row anyway: Supabase's editor shows what a user would see."""
    assert seen_by(supabase, OWNER, bob, role="authenticated") == ["bob@b.example"]


def test_the_pipeline_is_nobody(supabase: Supabase, owner: Database, bob: Row) -> None:
    owner.query("CREATE ROLE airflow_login LOGIN IN ROLE recomamp_pipeline")
    connection = supabase.connect("airflow_login")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('request.jwt.claims', %s, false)", [claim(bob)])
            cursor.execute("SELECT public.current_user_id()")
            assert cursor.fetchone() == (None,)
    finally:
        connection.close()
        owner.query("DROP ROLE airflow_login")


def test_the_applications_own_policies_get_the_same_answer(database: Database) -> None:
    """Outside of Supabase auth.uid() is a stand-in, and follows the same rule."""
    user = Rows(database).user()
    database.query("CREATE ROLE uid_login LOGIN IN ROLE recomamp_analyst")
    database.query("GRANT USAGE ON SCHEMA auth TO recomamp_analyst")
    connection = psycopg2.connect(database.uri.replace("postgres@", "uid_login@"))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('request.jwt.claims', %s, false)", [claim(user)])
            cursor.execute("SELECT auth.uid()")
            assert cursor.fetchone() == (None,)
    finally:
        connection.close()
        database.query("DROP ROLE uid_login")
