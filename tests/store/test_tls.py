"""What leaves this machine is encrypted, and the server at the other end proves its name."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from fixtures.postgres import Database
from fixtures.tls_proxy import TlsProxy, make_certificate, tls_proxy
from recomamp.errors import ConfigurationError
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.connection_strings import open_named
from recomamp.store.tls import ALLOW_SETTING, connect, protected_arguments

ROOT = Path(__file__).resolve().parents[2]
HOST = "db.example.com"
WEAK = ("disable", "allow", "prefer", "require", "verify-ca")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificates"), HOST)


@pytest.fixture
def proxy(database: Database, certificate: Path) -> Iterator[TlsProxy]:
    with tls_proxy(urlsplit(database.uri).port or 0, certificate) as proxy:
        yield proxy


def away(proxy: TlsProxy, database: Database, **options: object) -> dict[str, object]:
    """Name the front as a host on another machine: only the address says where it really is."""
    return {
        "host": HOST,
        "hostaddr": "127.0.0.1",
        "port": proxy.port,
        "user": "postgres",
        "dbname": urlsplit(database.uri).path.lstrip("/"),
        **options,
    }


def as_uri(proxy: TlsProxy, database: Database, **options: object) -> str:
    arguments = away(proxy, database, **options)
    place = f"{HOST}:{proxy.port}/{arguments['dbname']}"
    extra = "&".join(f"{name}={value}" for name, value in options.items())
    return f"postgresql://postgres@{place}?hostaddr=127.0.0.1&{extra}"


# The real thing ----------------------------------------------------------------------------------


def test_a_known_certificate_opens_an_encrypted_connection(
    proxy: TlsProxy, database: Database, certificate: Path
) -> None:
    with closing(connect(away(proxy, database, sslrootcert=str(certificate)), {})) as connection:
        assert connection.info.ssl_in_use
        assert connection.info.dsn_parameters["sslmode"] == "verify-full"
    assert proxy.tls_connections == 1


def test_an_unknown_certificate_is_refused_with_the_remedy(
    proxy: TlsProxy, database: Database
) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"certificate verify failed(?s:.)*sslroot"):
        connect(away(proxy, database), {})


def test_a_certificate_of_another_name_is_refused(
    proxy: TlsProxy, database: Database, certificate: Path
) -> None:
    arguments = away(proxy, database, sslrootcert=str(certificate)) | {"host": "db.example.org"}

    with pytest.raises(psycopg2.OperationalError, match="does not match host name"):
        connect(arguments, {})


@pytest.mark.parametrize("mode", [None, "verify-full"])
def test_who_refuses_tls_on_the_way_gets_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")
    with (
        tls_proxy(urlsplit(database.uri).port or 0, None) as robber,
        pytest.raises(psycopg2.OperationalError, match=r"SSL.* offer TLS"),
    ):
        connect(away(robber, database) | ({"sslmode": mode} if mode else {}))
    assert robber.plain_connections == 0


def test_the_pipelines_connection_is_encrypted(
    proxy: TlsProxy, database: Database, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", as_uri(proxy, database, sslrootcert=certificate))

    with DatabaseHook().transaction() as connection:
        assert connection.info.ssl_in_use


@pytest.mark.parametrize("mode", WEAK)
def test_the_pipeline_refuses_less_and_names_the_setting(
    proxy: TlsProxy, database: Database, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", as_uri(proxy, database, sslmode=mode))

    with pytest.raises(ConfigurationError, match=rf"AIRFLOW_CONN_RECOMAMP_DB: .*{ALLOW_SETTING}"):
        DatabaseHook().get_conn()


def test_migrate_refuses_less_in_one_line(proxy: TlsProxy, database: Database) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recomamp.store.migrate"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "plugins"),
            "RECOMAMP_MIGRATE_URI": as_uri(proxy, database, sslmode="require"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "sslmode=verify-full" in done.stderr


def test_the_operator_may_say_so_by_name(database: Database) -> None:
    with tls_proxy(urlsplit(database.uri).port or 0, None) as plain:
        arguments = away(plain, database, sslmode="disable")
        with closing(connect(arguments, {ALLOW_SETTING: HOST})) as connection:
            assert not connection.info.ssl_in_use


def test_every_connection_of_the_pipeline_is_opened_by_the_rule() -> None:
    opening = [
        path.relative_to(ROOT / "plugins").as_posix()
        for path in (ROOT / "plugins").rglob("*.py")
        if "psycopg2.connect(" in path.read_text(encoding="utf-8")
    ]

    assert opening == ["recomamp/store/tls.py"]


# What messages quote -----------------------------------------------------------------------------


def refusal(connect_to: Callable[[], object]) -> str:
    """Return all that a log would show of a refused connection."""
    with pytest.raises((ConfigurationError, psycopg2.OperationalError)) as caught:
        connect_to()
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "password",
    ["7?S3cret", "7?s3cret=x", "7/s3cret", "7#s3cret", "p@ss?s3cret", "s3cret#", "[s3cret"],
)
@pytest.mark.parametrize("options", ["", "?sslmode=verify-full"])
def test_no_piece_of_a_password_that_is_not_percent_encoded_is_shown(
    password: str, options: str
) -> None:
    text = f"postgresql://o:{password}@{HOST}/recomamp{options}"
    shown = refusal(lambda: open_named(["URI"], {"URI": text}))
    assert shown.splitlines()[-1].startswith("recomamp.errors.ConfigurationError: URI: ")
    assert "s3cret" not in shown.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        {"host": "o", "port": "7", f"S3cret@{HOST}:5432/recomamp?sslmode": "verify-full"},
        {"host": "o", "port": "7", "s3cret": f"x@{HOST}/recomamp"},
        {"host": "o", "port": "7", "s3cret": "x"},
        {"host": "o", "user": "o", "sslmode": f"s3cret@{HOST}/recomamp"},
        {"host": "/none", "user": "o", "sslmode": "s3cret"},
        {"host": "/none", "user": "o", "channel_binding": 's3"cret'},
        {"host": "127.0.0.1", "port": "1", "user": "o", "keepalives": "s3cret"},
    ],
)
def test_no_message_quotes_an_option_that_may_be_a_piece_of_a_password(
    arguments: dict[str, str],
) -> None:
    shown = refusal(lambda: connect(arguments, {}))
    assert "s3cret" not in shown.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        {"host": "127.0.0.1", "port": "5353", "dbname": f"x@{HOST}/recomamp"},
        {"host": "/5353", "user": "o", "dbname": f"x@{HOST}/recomamp"},
    ],
)
def test_a_password_that_ends_too_early_names_no_host_and_no_port(
    arguments: dict[str, str],
) -> None:
    shown = refusal(lambda: connect(arguments, {}))
    assert "5353" not in shown


def test_an_at_in_an_option_or_a_name_is_taken(database: Database) -> None:
    parts = parse_dsn(database.uri) | {"application_name": "me@here"}
    with closing(connect(parts, {})) as connection:
        assert connection.info.dsn_parameters["application_name"] == "me@here"
    with pytest.raises(psycopg2.OperationalError, match='database "a@b" does not exist'):
        connect(parts | {"dbname": "a@b"}, {})


def test_a_value_that_libpq_does_not_take_is_named_by_its_option() -> None:
    with pytest.raises(psycopg2.OperationalError, match="invalid channel_binding value"):
        connect({"host": "/none", "channel_binding": "s3cret"}, {})


# The rule ----------------------------------------------------------------------------------------

here = st.one_of(
    st.sampled_from(["", "localhost", "LOCALHOST", "::1", "/run/postgresql", "@abstract"]),
    st.integers(0, 2**24 - 1).map(lambda n: f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}"),
)
elsewhere = st.one_of(
    st.sampled_from([HOST, "postgres", "10.0.0.1", "127.1", "2130706433", "localhost.example.com"]),
    st.ip_addresses().filter(lambda address: not address.is_loopback).map(str),
)


@given(hosts=st.lists(here, min_size=1), mode=st.sampled_from([None, *WEAK]))
def test_nothing_is_added_on_this_machine(hosts: list[str], mode: str | None) -> None:
    arguments = {"host": ",".join(hosts), "sslmode": mode, "dbname": "recomamp"}

    assert protected_arguments(arguments, {}) == arguments


@given(before=st.lists(here), host=elsewhere, after=st.lists(here), name=st.sampled_from("ah"))
def test_one_host_elsewhere_is_enough(
    before: list[str], host: str, after: list[str], name: str
) -> None:
    hosts = {"a": "hostaddr", "h": "host"}[name]

    protected = protected_arguments({hosts: ",".join([*before, host, *after])}, {})

    assert protected["sslmode"] == "verify-full"
    assert Path(protected["sslrootcert"]).is_file()
    assert protected["gssencmode"] == "disable"


@given(host=elsewhere, mode=st.sampled_from(WEAK), others=st.sampled_from(["", HOST + ".org", "*"]))
def test_less_is_refused_unless_that_very_host_is_named(host: str, mode: str, others: str) -> None:
    arguments = {"host": host, "sslmode": mode}
    with pytest.raises(ConfigurationError, match=f"sslmode={mode}"):
        protected_arguments(arguments, {ALLOW_SETTING: others})

    assert protected_arguments(arguments, {ALLOW_SETTING: f"x, {host}"}) == arguments


def test_naming_one_of_two_hosts_is_not_enough() -> None:
    with pytest.raises(ConfigurationError, match=r"db-2"):
        protected_arguments({"host": "db-1,db-2", "sslmode": "require"}, {ALLOW_SETTING: "db-1"})


@given(host=st.sampled_from([HOST, "Db.Example.Com", "FE80::1"]))
def test_the_case_of_a_host_does_not_matter(host: str) -> None:
    for named in (host.lower(), host.upper(), host):
        assert protected_arguments({"host": host}, {ALLOW_SETTING: named})["sslmode"] == "prefer"


@pytest.mark.parametrize("mode", [*WEAK, "verify-full"])
def test_libpqs_own_setting_counts_for_a_named_host(mode: str) -> None:
    environ = {ALLOW_SETTING: HOST, "PGSSLMODE": mode}

    protected = protected_arguments({"host": HOST}, environ)

    assert protected["sslmode"] == mode
    assert ("sslrootcert" in protected) == (mode == "verify-full")
    assert protected_arguments({"host": HOST, "sslmode": "require"}, environ)["sslmode"] == (
        "require"
    )


def test_a_named_host_without_a_mode_may_be_asked_in_clear() -> None:
    assert protected_arguments({"host": HOST}, {ALLOW_SETTING: HOST})["sslmode"] == "prefer"


@pytest.mark.parametrize(
    "environ",
    [
        {"PGHOST": HOST, "PGSSLMODE": "disable"},
        {"PGHOSTADDR": "10.0.0.1", "PGSSLMODE": "disable"},
        {"PGHOST": HOST, "PGSSLROOTCERT": "/etc/my.pem"},
    ],
)
def test_the_environment_of_libpq_does_not_weaken_it(environ: dict[str, str]) -> None:
    protected = protected_arguments({"dbname": "recomamp"}, environ)

    assert protected["sslmode"] == "verify-full"
    assert protected["sslrootcert"] == environ.get("PGSSLROOTCERT", protected["sslrootcert"])


def test_an_address_in_the_environment_counts_for_a_host_of_this_machine() -> None:
    protected = protected_arguments({"host": "127.0.0.1"}, {"PGHOSTADDR": "10.0.0.1"})

    assert protected["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [({"service": "production"}, {}), ({"host": "127.0.0.1"}, {"PGSERVICE": "production"})],
)
def test_a_service_file_is_refused(arguments: dict[str, str], environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="PGSERVICE"):
        protected_arguments(arguments, environ)


def test_the_certificates_of_the_system_are_found_by_name() -> None:
    protected = protected_arguments({"host": HOST, "sslrootcert": "system"}, {})

    assert Path(protected["sslrootcert"]).is_file()
