"""The secret files of docker-compose.yaml: made once, kept from others, checked by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography.fernet import Fernet

from compose import secret_files
from compose.secret_files import GENERATED, OPTIONAL, TEMPLATES, check, check_emulator, make
from fixtures.amazon_connections import EMULATOR, LOOPBACK, REAL

ROOT = Path(__file__).resolve().parents[2]
FILLED_IN = {
    "AIRFLOW_CONN_RECOMAMP_DB": "postgresql://airflow_pipeline:w@db.example.com:5432/recomamp",
    "RECOMAMP_MIGRATE_URI": "postgresql://owner:w@db.example.com:5432/recomamp",
    "AIRFLOW_CONN_AMAZON_ADS": '{"conn_type": "http", "login": "an id", "password": "a secret"}',
    "RECOMAMP_FERNET_KEY": Fernet.generate_key().decode(),
}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Make the files and fill in what cannot be generated."""
    folder = tmp_path / "secrets"
    make(folder)
    for name, value in FILLED_IN.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-I", "-S", str(ROOT / "include" / "compose" / "secret_files.py")]
    return subprocess.run([*program, *arguments], check=False, capture_output=True, text=True)


def test_a_newcomer_is_left_with_what_only_they_know(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = run("make", str(folder))

    assert made.returncode == 0
    assert all(f"{folder}/{name}: fill in <" in made.stdout for name in TEMPLATES)
    assert {path.name for path in folder.iterdir()} == {*GENERATED, *TEMPLATES, *OPTIONAL}
    assert [line.partition(":")[0] for line in check(folder)] == list(TEMPLATES)


@pytest.mark.parametrize(
    ("dotenv", "named", "folder"),
    [
        (None, None, "secrets"),
        ("RECOMAMP_SECRETS_DIR=\n", None, "secrets"),
        ("REDIS_IMAGE=redis\nRECOMAMP_SECRETS_DIR=./kept # here\n", None, "kept"),
        ('RECOMAMP_SECRETS_DIR="./kept"\n', None, "kept"),
        ("RECOMAMP_SECRETS_DIR='./kept here'  # all\n", None, "kept here"),
        ("RECOMAMP_SECRETS_DIR=./kept\n", "named", "named"),
    ],
)
def test_make_writes_to_the_folder_that_compose_reads(
    tmp_path: Path, dotenv: str | None, named: str | None, folder: str
) -> None:
    program = Path("include/compose/secret_files.py")
    (tmp_path / program).parent.mkdir(parents=True)
    for file in (Path("Makefile"), program):
        shutil.copy(ROOT / file, tmp_path / file)
    if dotenv is not None:
        (tmp_path / ".env").write_text(dotenv)
    environ = {"PATH": os.environ["PATH"]} | ({"RECOMAMP_SECRETS_DIR": named} if named else {})
    command = ["make", "secrets", f"PYTHON={sys.executable}"]
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True)

    made = {path.name for path in tmp_path.iterdir()} - {"Makefile", "include", ".env"}
    assert made == {folder}


def test_filled_in_files_are_accepted(secrets: Path) -> None:
    assert check(secrets) == []
    assert run("check", str(secrets)).returncode == 0


def test_only_the_owner_reaches_the_files_and_every_container_reads_them(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o644}


def test_an_open_folder_is_closed(secrets: Path) -> None:
    secrets.chmod(0o755)
    make(secrets)

    assert secrets.stat().st_mode & 0o777 == 0o700


def test_a_file_that_exists_is_never_changed(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    (secrets / "REDIS_PASSWORD").unlink()
    made = make(secrets)

    after = {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert made == ["REDIS_PASSWORD"]
    assert after.pop("REDIS_PASSWORD") != before.pop("REDIS_PASSWORD")
    assert after == before


def test_two_deployments_share_no_secret(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "other")

    for name in GENERATED:
        assert (tmp_path / "one" / name).read_text() != (tmp_path / "other" / name).read_text()


def test_the_generated_values_are_what_airflow_takes(secrets: Path) -> None:
    Fernet((secrets / "AIRFLOW__CORE__FERNET_KEY").read_text())
    assert len((secrets / "AIRFLOW__API_AUTH__JWT_SECRET").read_text()) >= 64
    follower = urlsplit((secrets / "AIRFLOW_CONN_AIRFLOW_API").read_text())
    assert follower.geturl() == f"http://follower:{follower.password}@api-server:8080"


@pytest.mark.parametrize("name", [*GENERATED, *TEMPLATES])
def test_a_missing_or_empty_secret_is_refused_by_name(secrets: Path, name: str) -> None:
    (secrets / name).write_text("\n")
    refused = run("check", str(secrets))
    assert (refused.returncode, refused.stderr) == (2, f"{secrets}/{name}: is empty\n")

    (secrets / name).unlink()
    refused = run("check", str(secrets))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{secrets}/{name}: cannot be read (No such file")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_PASSWORD", "pass/word"),
        ("REDIS_PASSWORD", "p@ss"),
        ("AIRFLOW__CORE__FERNET_KEY", "short"),
        ("RECOMAMP_FERNET_KEY", f"{'A' * 43}=,x"),
        ("RECOMAMP_FERNET_KEY", "ü" * 44),
        ("AIRFLOW_CONN_RECOMAMP_CONSOLE_DB", "db.example.com"),
        ("AIRFLOW_CONN_RECOMAMP_DB", "db.example.com"),
        ("RECOMAMP_MIGRATE_URI", "mysql://owner:w@db.example.com/recomamp"),
        ("RECOMAMP_MIGRATE_URI", "postgresql://db.example.com/recomamp"),
        ("RECOMAMP_MIGRATE_URI", "postgresql://owner:w@/recomamp"),
        ("AIRFLOW_CONN_RECOMAMP_DB", '{"conn_type": "postgres", "host": "db.example.com"}'),
        ("AIRFLOW_CONN_AMAZON_ADS", '{"login": "an id"'),
        ("AIRFLOW_CONN_AMAZON_ADS", '["http"]'),
        ("AIRFLOW_CONN_AIRFLOW_API", "http://follower@api-server:8080"),
        ("AIRFLOW_CONN_AIRFLOW_API", "http://[follower:w@api-server"),
        ("AIRFLOW_CONN_SMTP_DEFAULT", "smtp.example.com"),
        ("database-ca.pem", "/etc/ssl/certs/database-ca.pem"),
    ],
)
def test_a_malformed_secret_is_refused_by_name_without_its_value(
    secrets: Path, name: str, value: str
) -> None:
    (secrets / name).write_text(value)

    (problem,) = check(secrets)
    assert problem.startswith(f"{name}: ")
    assert value not in problem


# Each ends the password early for a reader of URIs, who then takes the user for the host
@pytest.mark.parametrize("password", ["pa#ss", "12/34", "?x", "12?a=b", "12#a", "p@ss/w", "[x"])
@pytest.mark.parametrize(
    "name", ["AIRFLOW_CONN_RECOMAMP_CONSOLE_DB", "AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_MIGRATE_URI"]
)
def test_a_password_that_is_not_percent_encoded_is_refused_without_a_piece_of_it(
    secrets: Path, name: str, password: str
) -> None:
    file, end = secrets / name, "@db.example.com:5432/recomamp?sslmode=verify-full"
    file.write_text(f"postgresql://owner:{password}{end}")
    assert check(secrets) == [
        f"{name}: percent-encode the user and the password (/ as %2F, ? as %3F, # as %23, @ as %40)"
    ]

    file.write_text(f"postgresql://owner:{quote(password, safe='')}{end}")
    assert check(secrets) == []


@pytest.mark.parametrize(
    "value",
    [
        "postgres://owner@db.example.com/recomamp",
        "postgresql:///recomamp?host=db.example.com&user=owner",
        '{"conn_type": "postgres", "host": "db.example.com", "login": "owner", "password": "@/#?"}',
        '{"conn_type": "postgres", "login": "owner", "extra": "{\\"host\\": \\"db\\"}"}',
    ],
)
def test_each_form_of_a_connection_is_accepted(secrets: Path, value: str) -> None:
    (secrets / "AIRFLOW_CONN_RECOMAMP_DB").write_text(value)

    assert check(secrets) == []


def test_a_template_is_refused_until_all_of_it_is_filled_in(secrets: Path) -> None:
    half = TEMPLATES["AIRFLOW_CONN_RECOMAMP_DB"].replace("<password>", "w")
    (secrets / "AIRFLOW_CONN_RECOMAMP_DB").write_text(half)

    assert check(secrets) == ["AIRFLOW_CONN_RECOMAMP_DB: fill in <host>"]


def test_the_sign_in_knows_the_administrator_and_the_follower(secrets: Path) -> None:
    (secrets / "RECOMAMP_UI_PASSWORD").write_text('any "thing" goes\n')
    (secrets / "AIRFLOW_CONN_AIRFLOW_API").write_text("http://follower:p%40ss@api-server:8080\n")

    printed = run("passwords", str(secrets)).stdout
    assert json.loads(printed) == {"admin": 'any "thing" goes', "follower": "p@ss"}


# --- The emulator and a real connection -------------------------------------------------------


@pytest.mark.parametrize("connection", EMULATOR)
def test_the_emulator_may_run_where_every_address_is_its_own(
    secrets: Path, connection: str
) -> None:
    (secrets / "AIRFLOW_CONN_AMAZON_ADS").write_text(connection)

    assert check_emulator(secrets) == []


def test_the_check_of_the_emulator_needs_nothing_but_python(secrets: Path) -> None:
    (secrets / "AIRFLOW_CONN_AMAZON_ADS").write_text(f"{EMULATOR[0]}\n")

    assert run("check-emulator", str(secrets)).returncode == 0


# In Compose a loopback address is the container's own, where no emulator listens
@pytest.mark.parametrize("connection", [*REAL, *LOOPBACK])
def test_the_emulator_is_refused_with_any_other_address(secrets: Path, connection: str) -> None:
    (secrets / "AIRFLOW_CONN_AMAZON_ADS").write_text(connection)

    (problem,) = check_emulator(secrets)
    assert problem.startswith("AIRFLOW_CONN_AMAZON_ADS: ")
    assert "s3cret" not in problem


def test_a_refusal_of_the_emulator_is_one_line_and_exit_2(secrets: Path) -> None:
    refused = run("check-emulator", str(secrets))

    assert refused.returncode == 2
    assert "AIRFLOW_CONN_AMAZON_ADS: host and token_url must both name" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_an_unknown_command_is_refused() -> None:
    assert secret_files.main(["remove", "secrets"]) == 2
