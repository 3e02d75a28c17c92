"""Nobody becomes the owner of the database: no SQL of a stranger runs with the owner's rights."""

from __future__ import annotations

from contextlib import suppress

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege, UndefinedFunction

from fixtures.postgres import Database, Rows, Server, migrate_database, requires_postgres
from fixtures.supabase import OWNER, Supabase, make_unmigrated
from recomamp.errors import MigrationError
from recomamp.store.migrate import migrate


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_no_function_takes_sql_as_an_argument(supabase: Supabase, role: str) -> None:
    with supabase.request(role) as cursor, pytest.raises(UndefinedFunction):
        cursor.execute(
            "SELECT public.install_counter('asins', 'review_count', 'asin_list_items', 'asin_id',"
            " '(SELECT encrypted_refresh_token::INT > 0 FROM public.users LIMIT 1)')"
        )


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("table", ["asins", "users", "asin_list_items"])
def test_nobody_puts_a_trigger_on_a_table(supabase: Supabase, role: str, table: str) -> None:
    with supabase.request(role) as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(
            f"CREATE TRIGGER t AFTER UPDATE ON public.{table} FOR EACH STATEMENT"
            " EXECUTE FUNCTION public.count_children('asin_count')"
        )


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "recomamp_analyst"])
def test_nobody_uses_a_trigger_function_on_a_table_of_ones_own(
    supabase: Supabase, role: str
) -> None:
    functions = supabase.database().query(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::REGNAMESPACE"
        " AND prorettype = 'trigger'::REGTYPE"
    )
    connection = supabase.connect("postgres")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('role', %s, false)", [role])
            cursor.execute("CREATE TEMP TABLE mine (id UUID, list_id UUID)")
            cursor.execute("SAVEPOINT before")
            for function in functions:
                with pytest.raises(InsufficientPrivilege):
                    cursor.execute(
                        "CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW"
                        f" EXECUTE FUNCTION public.{function['proname']}('asin_count')"
                    )
                cursor.execute("ROLLBACK TO before")
    finally:
        connection.close()


def test_a_trigger_names_a_counter_that_is_known(fresh_database: Database) -> None:
    fresh_database.query(
        "CREATE TABLE mine (id UUID);"
        "CREATE TRIGGER t AFTER TRUNCATE ON mine FOR EACH STATEMENT"
        " EXECUTE FUNCTION reset_counter('1; DROP TABLE users')"
    )
    with pytest.raises(psycopg2.errors.RaiseException, match="is not a counter"):
        fresh_database.query("TRUNCATE mine")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE public.users CASCADE",
        "SELECT setval('public.amc_api_errors_id_seq', 9223372036854775807)",
        "CREATE TABLE public.mine (id INTEGER)",
        "CREATE FUNCTION public.make_interval(secs NUMERIC) RETURNS INTERVAL"
        " LANGUAGE sql AS 'SELECT NULL::INTERVAL'",
        "LOCK TABLE public.recomamp_migrations IN ACCESS EXCLUSIVE MODE",
        "ALTER TABLE public.users DISABLE ROW LEVEL SECURITY",
    ],
)
def test_what_a_session_could_do_by_sql_is_refused(
    supabase: Supabase, role: str, statement: str
) -> None:
    with supabase.request(role) as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(statement)


def test_an_overload_in_public_is_not_called_by_our_functions(fresh_database: Database) -> None:
    """Where the schema was open before, somebody may have left an object there."""
    rows = Rows(fresh_database)
    week = rows.weeks(rows.collection())[0]
    fresh_database.query(
        "CREATE FUNCTION public.make_interval(secs NUMERIC) RETURNS INTERVAL LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'i am the owner'; END $$;"
        "CREATE FUNCTION public.now() RETURNS TIMESTAMPTZ LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'i am the owner'; END $$"
    )

    done = rows.update("report_data_weeks", week, status="SUCCESS", execution_duration=7)

    assert done["status"] == "SUCCESS"


def test_a_schema_that_everybody_may_write_to_is_closed(supabase: Supabase) -> None:
    """PostgreSQL 13 and 14 begin like this."""
    database = supabase.database()
    database.query("GRANT CREATE ON SCHEMA public TO PUBLIC")
    connection = supabase.connect(OWNER)
    migrate(connection)
    connection.close()

    with supabase.request("anon") as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute("CREATE TABLE public.mine (id INTEGER)")


def test_an_overload_of_one_of_our_own_names_is_not_called(fresh_database: Database) -> None:
    """Postgres takes the function whose arguments fit best, whoever made it."""
    rows = Rows(fresh_database)
    workflow = rows.workflow()
    fresh_database.query(
        "CREATE FUNCTION public.raise_invalid_row(NAME, TEXT, TEXT) RETURNS VOID LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'i am the owner'; END $$"
    )
    with pytest.raises(psycopg2.errors.CheckViolation, match=r"window\.lag_days"):
        rows.schedule(workflow, parameters={"window": {"lag_days": 1000}})


def test_a_planted_function_of_one_of_our_names_stops_the_migration(supabase: Supabase) -> None:
    database = supabase.database()
    database.query("CREATE ROLE stranger; GRANT CREATE ON SCHEMA public TO stranger")
    database.query(
        "SET ROLE stranger; CREATE FUNCTION public.raise_invalid_row(NAME, TEXT, TEXT) RETURNS VOID"
        " LANGUAGE sql AS 'SELECT'; RESET ROLE"
    )
    connection = supabase.connect(OWNER)
    try:
        with pytest.raises(
            MigrationError, match=r"raise_invalid_row\(name,text,text\) of stranger"
        ):
            migrate(connection)
    finally:
        connection.close()
        database.query("DROP OWNED BY stranger; DROP ROLE stranger")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_a_role_that_may_still_create_objects_stops_the_migration(
    supabase: Supabase, role: str
) -> None:
    """As where the schema belongs to somebody else, who alone may take the right away."""
    database = supabase.database()
    database.query(
        f"ALTER SCHEMA public OWNER TO postgres; GRANT CREATE ON SCHEMA public TO {role}, {OWNER}"
    )
    connection = supabase.connect(OWNER)
    try:
        with pytest.raises(MigrationError, match=f"role {role} may create objects"):
            migrate(connection)
    finally:
        connection.close()
        database.query(
            f"REVOKE CREATE ON SCHEMA public FROM {role}; ALTER SCHEMA public OWNER TO {OWNER}"
        )


@requires_postgres(17)  # before that, the queue has no limit that a test could reach
def test_a_full_queue_of_notifications_refuses_nobodys_change() -> None:
    """A session that listens and reads nothing keeps the queue of the whole server full."""
    server = Server(settings="max_notify_queue_pages = 64\n")
    server.start()
    try:
        name = server.create_database()
        migrate_database(server, name)
        database = Database(uri=server.uri(name))
        rows = Rows(database)
        schedule = rows.schedule()
        listener, sender = database.connect(autocommit=True), database.connect(autocommit=True)
        with listener.cursor() as cursor:
            cursor.execute("LISTEN x")
            cursor.execute("BEGIN; SELECT 1")
        with sender.cursor() as cursor, suppress(psycopg2.errors.ProgramLimitExceeded):
            for number in range(200):
                cursor.execute("SELECT pg_notify('x', repeat('a', 7900) || %s)", [number])
        usage = database.query("SELECT pg_notification_queue_usage() AS usage")[0]["usage"]

        assert usage > 0.9
        assert rows.update("workflow_schedules", schedule, name="New")["name"] == "New"
        database.close()
    finally:
        server.stop()


def test_nobody_has_a_right_between_the_first_migration_and_the_rights(supabase: Supabase) -> None:
    """A later migration may fail: then the file that sets the rights has not run."""
    unfinished = make_unmigrated(supabase.server)
    connection = unfinished.connect(OWNER)
    migrate(connection, access_file=None)
    connection.close()
    database = unfinished.database()

    open_to = database.query(
        """
        SELECT role, oid::regprocedure::TEXT AS name
        FROM pg_proc, unnest(ARRAY['anon', 'authenticated', 'service_role']) AS role
        WHERE pronamespace = 'public'::regnamespace
            AND has_function_privilege(role, oid, 'EXECUTE')
        UNION ALL
        SELECT role, oid::regclass::TEXT
        FROM pg_class, unnest(ARRAY['anon', 'authenticated', 'service_role']) AS role
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
            AND relname <> 'recomamp_migrations'
            AND has_table_privilege(role, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        """
    )
    assert open_to == []
    database.close()
    supabase.server.drop_database(unfinished.name)
