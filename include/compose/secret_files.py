"""Make and check the secret files that docker-compose.yaml hands to its services.

    python3 include/compose/secret_files.py make secrets       # what `make secrets` does
    python3 include/compose/secret_files.py check secrets
    python3 include/compose/secret_files.py check-emulator secrets
    python3 include/compose/secret_files.py passwords secrets  # for Airflow's SimpleAuthManager

Each file has the name of a setting and holds its value. `database-ca.pem` holds a certificate.
`make` generates what may be random and leaves templates for the rest. It never changes a file that
exists. It needs nothing but Python.

Compose mounts a file with the owner and the mode it has on the host. The containers' users are
other users, so every file is readable (0644). The folder keeps other users of the host out (0700).
"""

from __future__ import annotations

import base64
import importlib
import json
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

EMULATOR_HOST = "emulator"  # the service of that name


def _password() -> str:
    return secrets.token_hex(24)  # letters and digits alone: some passwords are part of a URL


def _signing_key() -> str:
    return secrets.token_urlsafe(48)  # 64 characters, as many as HS512 asks for


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _follower_connection() -> str:
    return f"http://follower:{_password()}@api-server:8080"


GENERATED: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": _password,
    "REDIS_PASSWORD": _password,
    "AIRFLOW__CORE__FERNET_KEY": _fernet_key,
    "AIRFLOW__API__SECRET_KEY": _signing_key,
    "AIRFLOW__API_AUTH__JWT_SECRET": _signing_key,
    "RECOMAMP_UI_PASSWORD": _password,
    "AIRFLOW_CONN_AIRFLOW_API": _follower_connection,
}

# Fill in each text in angle brackets.
TEMPLATES = {
    "AIRFLOW_CONN_RECOMAMP_DB": (
        "postgresql://airflow_pipeline:<password>@<host>:5432/<database>?sslmode=verify-full"
    ),
    "RECOMAMP_MIGRATE_URI": (
        "postgresql://<owner>:<password>@<host>:5432/<database>?sslmode=verify-full"
    ),
    "AIRFLOW_CONN_AMAZON_ADS": (
        '{"conn_type": "http", "login": "<client id>", "password": "<client secret>"}'
    ),
    "RECOMAMP_FERNET_KEY": "<key of the application>",
}

# May stay empty: no console; no mail; a database whose certificate a public authority has signed.
OPTIONAL = ("AIRFLOW_CONN_RECOMAMP_CONSOLE_DB", "AIRFLOW_CONN_SMTP_DEFAULT", "database-ca.pem")

_PLACEHOLDER = re.compile(r"<[a-z ]+>")
_IN_A_URL = re.compile(r"[A-Za-z0-9._~-]+")


def make(directory: Path) -> list[str]:
    """Write the files that do not exist yet and return their names."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    contents = {name: generate() for name, generate in GENERATED.items()} | TEMPLATES
    contents |= dict.fromkeys(OPTIONAL, "")
    made = [name for name in contents if not (directory / name).exists()]
    for name in made:
        path = directory / name
        path.write_text(contents[name], encoding="utf-8")
        path.chmod(0o644)
    return made


def check(directory: Path) -> list[str]:
    """Return what is wrong with the files, one line each; no line repeats a value."""
    problems = (_problem(name, directory / name) for name in [*GENERATED, *TEMPLATES, *OPTIONAL])
    return [problem for problem in problems if problem]


def check_emulator(directory: Path) -> list[str]:
    """Return why the emulator must not run with the connection to Amazon, nothing where it may."""
    name = "AIRFLOW_CONN_AMAZON_ADS"
    problem = _problem(name, directory / name)
    if problem:
        return [problem]
    if _emulator_safety().hosts_of(_read(directory / name)) == {EMULATOR_HOST}:
        return []
    return [
        f"{name}: host and token_url must both name http://{EMULATOR_HOST}:8099 with the profile"
        " `emulator`; without that profile the pipeline calls Amazon itself"
    ]


def passwords(directory: Path) -> str:
    """Return the passwords of the users `admin` and `follower` as JSON."""
    follower = urlsplit(_read(directory / "AIRFLOW_CONN_AIRFLOW_API"))
    admin = _read(directory / "RECOMAMP_UI_PASSWORD")
    return json.dumps({"admin": admin, follower.username: unquote(follower.password or "")})


def _problem(name: str, path: Path) -> str:
    try:
        value = _read(path)
    except OSError as err:
        return f"{name}: cannot be read ({err.strerror}); `make secrets` makes it"
    if not value:
        return "" if name in OPTIONAL else f"{name}: is empty"
    for placeholder in _PLACEHOLDER.findall(TEMPLATES.get(name, "")):
        if placeholder in value:
            return f"{name}: fill in {placeholder}"
    return next((f"{name}: {text}" for text, holds in _RULES.get(name, []) if not holds(value)), "")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _is_connection(value: str) -> bool:
    return "://" in value if not value.startswith("{") else isinstance(_json(value), dict)


def _is_database(value: str) -> bool:
    return value.startswith(("postgres://", "postgresql://", "{")) and _is_connection(value)


def _is_encoded(value: str) -> bool:
    """Return whether a URI ends its user and password where their writer means it to.

    A character that is not percent-encoded ends them too early, so the real ``@`` comes too late.
    """
    if value.startswith("{"):
        return True
    parts = _split(value)
    return parts is not None and _has_port(parts) and "@" not in "".join(parts[2:])


def _names_user_and_host(value: str) -> bool:
    if value.startswith("{"):
        fields = _json(value)
        user, host, options = fields.get("login"), fields.get("host"), fields.get("extra") or {}
        options = _json(options) if isinstance(options, str) else options
    else:
        parts = _split(value)
        user, host, options = parts.username, parts.hostname, dict(parse_qsl(parts.query))
    options = options if isinstance(options, dict) else {}
    return bool((user or options.get("user")) and (host or options.get("host")))


def _has_login(value: str) -> bool:
    parts = _split(value)
    return bool(parts and parts.hostname and parts.username and parts.password)


def _are_fernet_keys(value: str) -> bool:
    try:
        keys = [base64.urlsafe_b64decode(key.strip().encode()) for key in value.split(",")]
    except ValueError:
        return False
    return all(len(key) == 32 for key in keys)


def _emulator_safety() -> ModuleType:
    """Import the emulator's own rule. This file is run by its path, without ``include`` on it."""
    include = str(Path(__file__).resolve().parents[1])
    if include not in sys.path:
        sys.path.append(include)
    return importlib.import_module("amc_emulator.start_checks")


def _has_port(parts: Any) -> bool:
    """Return whether the port is a number or left out."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _split(address: str) -> Any:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


_Rule = tuple[str, Callable[[str], bool]]  # what is wrong where the function says no

_CONNECTION = ("is neither a URI nor a JSON object (see Airflow's connections)", _is_connection)
_DATABASE = (
    "is not a postgresql:// URI or a JSON object (see Airflow's connections)",
    _is_database,
)
_ENCODED = (
    "percent-encode the user and the password (/ as %2F, ? as %3F, # as %23, @ as %40)",
    _is_encoded,
)
_USER_AND_HOST = ("needs a user and a host", _names_user_and_host)
_DATABASE_RULES: list[_Rule] = [_DATABASE, _ENCODED, _USER_AND_HOST]
_FERNET = ("is not a Fernet key (32 bytes in URL-safe base64)", _are_fernet_keys)
_PLAIN = (
    "may hold letters, digits and .-_~ only, because it becomes part of a URL",
    lambda value: bool(_IN_A_URL.fullmatch(value)),
)
_RULES: dict[str, list[_Rule]] = {
    "POSTGRES_PASSWORD": [_PLAIN],
    "REDIS_PASSWORD": [_PLAIN],
    "AIRFLOW__CORE__FERNET_KEY": [_FERNET],
    "RECOMAMP_FERNET_KEY": [_FERNET],
    "AIRFLOW_CONN_RECOMAMP_CONSOLE_DB": _DATABASE_RULES,
    "AIRFLOW_CONN_RECOMAMP_DB": _DATABASE_RULES,
    "RECOMAMP_MIGRATE_URI": _DATABASE_RULES,
    "AIRFLOW_CONN_AMAZON_ADS": [_CONNECTION],
    "AIRFLOW_CONN_AIRFLOW_API": [("needs a user, a password and a host", _has_login)],
    "AIRFLOW_CONN_SMTP_DEFAULT": [_CONNECTION],
    "database-ca.pem": [
        ("holds no certificate in PEM format", lambda value: "-----BEGIN CERTIFICATE" in value)
    ],
}


def main(arguments: list[str]) -> int:
    """Run one command; 0 done, 2 refused."""
    if len(arguments) != 2 or arguments[0] not in _COMMANDS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    return _COMMANDS[arguments[0]](Path(arguments[1]))


def _make(directory: Path) -> int:
    for name in make(directory):
        sys.stdout.write(f"made {directory / name}\n")
    if problems := check(directory):
        sys.stdout.write("Now fill in what only you know:\n")
        sys.stdout.writelines(f"  {directory}/{problem}\n" for problem in problems)
    return 0


def _refuse(directory: Path, problems: list[str]) -> int:
    sys.stderr.writelines(f"{directory}/{problem}\n" for problem in problems)
    return 2 if problems else 0


def _passwords(directory: Path) -> int:
    sys.stdout.write(passwords(directory))
    return 0


_COMMANDS: dict[str, Callable[[Path], int]] = {
    "make": _make,
    "check": lambda directory: _refuse(directory, check(directory)),
    "check-emulator": lambda directory: _refuse(directory, check_emulator(directory)),
    "passwords": _passwords,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
