"""The console's role: it reads what pages show, and writes only while it is one analyst."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Rows, requires_postgres
from fixtures.supabase import OWNER, Supabase
from fixtures.two_users import TwoUsers, insert_two_users
from recomamp.errors import MigrationError
from recomamp.store.migrate import migrate
from recomamp.store.statements import fetch_one

LOGIN = "airflow_console"


@pytest.fixture(scope="module")
def two_users(supabase: Supabase) -> Iterator[TwoUsers]:
    """Insert two tenants, and the login that docs/how-to/manage-logins-and-quotas.md makes."""
    owner = supabase.database()
    owner.delete_rows()
    owner.query(f"CREATE ROLE {LOGIN} LOGIN IN ROLE recomamp_console")
    owner.query("INSERT INTO database_logins (login_name, reads_claims) VALUES (%s, true)", [LOGIN])
    yield insert_two_users(Rows(owner))
    owner.delete_rows()
    owner.query("DELETE FROM database_logins WHERE login_name = %s", [LOGIN])
    owner.query(f"DROP ROLE {LOGIN}")
    owner.close()


@pytest.fixture
def connect(supabase: Supabase, two_users: TwoUsers) -> Iterator[Callable[[], Connection]]:
    """Give connections of the console's login. What they write is taken back."""
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(supabase.connect(LOGIN))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.rollback()
        connection.close()


def act_as(connection: Connection, user_id: str | None) -> None:
    """Do what a write of the console begins with."""
    fetch_one(connection, "console/act_as_analyst", user_id=user_id)


def test_it_reads_rows_of_all_users(connect: Callable[[], Connection], two_users: TwoUsers) -> None:
    connection = connect()
    for table in ("workflow_schedules", "workflow_executions", "run_requests", "users"):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT id::TEXT FROM public.{}").format(sql.Identifier(table)))
            found = {row[0] for row in cursor.fetchall()}
        assert {str(two_users.ann[table]["id"]), str(two_users.bob[table]["id"])} <= found, table


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT encrypted_refresh_token FROM public.users",
        "SELECT * FROM public.users",
        "SELECT url FROM public.notification_channels",
        "SELECT * FROM public.database_logins",
        "UPDATE public.workflow_schedules SET is_active = false",
        "INSERT INTO public.run_requests (user_id, action) SELECT id, 'RUN' FROM public.users",
        "DELETE FROM public.workflow_executions",
        "SET ROLE recomamp_pipeline",
        f"SET ROLE {OWNER}",
    ],
)
def test_it_reads_no_secret_and_writes_nothing_as_itself(
    connect: Callable[[], Connection], two_users: TwoUsers, statement: str
) -> None:
    """With claims too: only the role of an analyst writes."""
    connection = connect()
    with connection.cursor() as cursor:
        claims = json.dumps({"sub": str(two_users.ann["users"]["id"])})
        cursor.execute("SELECT set_config('request.jwt.claims', %s, true)", [claims])
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(statement)


def test_as_an_analyst_it_reaches_the_rows_of_that_user_alone(
    connect: Callable[[], Connection], two_users: TwoUsers
) -> None:
    connection = connect()
    act_as(connection, str(two_users.ann["users"]["id"]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::TEXT FROM public.workflow_schedules")
        assert cursor.fetchall() == [(str(two_users.ann["workflow_schedules"]["id"]),)]
        update = "UPDATE public.workflow_schedules SET is_active = false WHERE id = %s"
        cursor.execute(update, [two_users.bob["workflow_schedules"]["id"]])
        assert cursor.rowcount == 0
        cursor.execute(update, [two_users.ann["workflow_schedules"]["id"]])
        assert cursor.rowcount == 1
        with pytest.raises(InsufficientPrivilege):
            cursor.execute("SELECT encrypted_refresh_token FROM public.users")


def test_as_an_analyst_it_asks_for_no_run_in_the_name_of_another(
    connect: Callable[[], Connection], two_users: TwoUsers
) -> None:
    connection = connect()
    act_as(connection, str(two_users.ann["users"]["id"]))
    with connection.cursor() as cursor, pytest.raises(CheckViolation, match="has no schedule"):
        cursor.execute(
            "INSERT INTO public.run_requests (user_id, action, schedule_id) VALUES (%s, 'RUN', %s)",
            [two_users.bob["users"]["id"], two_users.bob["workflow_schedules"]["id"]],
        )


def test_an_analyst_without_a_user_reaches_nothing(connect: Callable[[], Connection]) -> None:
    connection = connect()
    act_as(connection, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM public.workflow_schedules")
        assert cursor.fetchall() == []


def test_the_analyst_ends_with_the_transaction(
    connect: Callable[[], Connection], two_users: TwoUsers
) -> None:
    connection = connect()
    act_as(connection, str(two_users.ann["users"]["id"]))
    connection.commit()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, public.current_user_id()")
        assert cursor.fetchone() == (LOGIN, None)
        cursor.execute("SELECT count(*) FROM public.workflow_schedules")
        assert cursor.fetchone() == (2,)


def test_a_login_that_may_send_no_claims_is_nobody_as_an_analyst(
    supabase: Supabase, two_users: TwoUsers
) -> None:
    """Membership alone is not enough: the owner names the logins whose claims count."""
    owner = supabase.database()
    owner.query("CREATE ROLE other_console LOGIN IN ROLE recomamp_console")
    connection = supabase.connect("other_console")
    try:
        act_as(connection, str(two_users.ann["users"]["id"]))
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM public.workflow_schedules")
            assert cursor.fetchall() == []
    finally:
        connection.close()
        owner.query("DROP ROLE other_console")
        owner.close()


def test_rights_of_an_analyst_at_all_times_are_refused(supabase: Supabase) -> None:
    """An administrator who made the role by hand may have left NOINHERIT out."""
    owner = supabase.database()
    owner.query("ALTER ROLE recomamp_console INHERIT; GRANT recomamp_analyst TO recomamp_console")
    connection = supabase.connect(OWNER)
    try:
        with pytest.raises(MigrationError, match="ALTER ROLE recomamp_console NOINHERIT"):
            migrate(connection)
    finally:
        owner.query(
            "REVOKE recomamp_analyst FROM recomamp_console; ALTER ROLE recomamp_console NOINHERIT"
        )
        connection.close()
        owner.close()


@requires_postgres(16)  # before that, every owner who may create roles passes all of them on
def test_an_owner_who_may_not_pass_the_role_on_hears_what_to_ask_for(supabase: Supabase) -> None:
    """Another owner of the same server has created the roles."""
    owner, statement = supabase.database(), "GRANT recomamp_analyst TO recomamp_console"
    owner.query("CREATE ROLE other_owner LOGIN CREATEROLE")
    for who in ("postgres", OWNER):  # each takes what it has given
        owner.query(f"SET ROLE {who}; REVOKE recomamp_analyst FROM recomamp_console; RESET ROLE")
    name = supabase.server.create_database()
    supabase.server.execute(f"ALTER DATABASE {name} OWNER TO other_owner")
    connection = psycopg2.connect(supabase.server.uri(name).replace("postgres@", "other_owner@"))
    try:
        with pytest.raises(MigrationError, match=statement):
            migrate(connection)
    finally:
        connection.close()
        supabase.server.drop_database(name)
        owner.query(f"SET ROLE {OWNER}; {statement}; RESET ROLE")
        owner.query("DROP ROLE other_owner")
        owner.close()
