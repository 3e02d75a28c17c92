"""The broker between Airflow's scheduler and Celery's workers: Redis, with a password.

It listens on the loopback address only. Its folder holds its configuration and its messages, which
have tokens of tasks in them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from stack.errors import RefusedError
from stack.ports import HOST
from stack.private_files import private_files, write_private
from stack.settings import Settings
from stack.supervisor import WORKERS

PROGRAM = "redis-server"
# The same program in Debian's package redis-tools. Started by the other name it is the server.
# The package redis-server adds that name, and a service that would run all the time
DEBIAN_PROGRAM = "redis-check-rdb"
ANSWER_SECONDS = 1.0


def prepare(settings: Settings) -> None:
    """Write Redis' configuration, and a link to its program beside it.

    :raises RefusedError: if this machine has no Redis server.
    """
    program = _find_program(settings.environ.get("PATH"))
    with private_files():
        settings.redis_directory.mkdir(exist_ok=True)
    link = settings.redis_directory / PROGRAM
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    write_private(settings.redis_directory / "redis.conf", _configuration(settings))


def healthy(settings: Settings) -> Iterable[str]:
    """Yield the processes among Redis and the workers that answer."""
    from kombu.connection import Connection  # takes long, and most stacks have no broker
    from kombu.exceptions import OperationalError
    from kombu.pidbox import Mailbox

    with Connection(settings.broker_url, connect_timeout=ANSWER_SECONDS) as connection:
        failures = (*connection.connection_errors, *connection.channel_errors, OperationalError)
        try:
            channel = connection.channel()
            yield "redis"
            # Celery's own check reads its address from variables of the caller
            mailbox = Mailbox("celery", type="fanout", accept=["json"])(connection)
            answers = mailbox.multi_call(
                "ping", timeout=ANSWER_SECONDS, limit=len(WORKERS), channel=channel
            )
        except failures:
            return
    for answer in answers:
        yield from (name.rpartition("@")[2] for name in answer)


def _find_program(path: str | None) -> Path:
    for name in (PROGRAM, DEBIAN_PROGRAM):
        if found := shutil.which(name, path=path):
            return Path(found).absolute()
    raise RefusedError("Celery needs a Redis server, and the PATH has none; run `make redis`")


def _configuration(settings: Settings) -> str:
    lines: Mapping[str, str] = {
        "bind": HOST,
        "port": str(settings.ports.redis),
        "requirepass": _quoted(settings.credentials["RECOMAMP_REDIS_PASSWORD"]),
        "dir": _quoted(str(settings.redis_directory)),
        # Messages outlive the server, as in docker-compose.yaml
        "appendonly": "yes",
        "save": '""',
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _quoted(text: str) -> str:
    """Write any text as one value of Redis' configuration."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'
