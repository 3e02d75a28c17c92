"""The stack's command line: `python -m stack up|down|demo|migrate|status|airflow …`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from stack import environment
from stack.database_tls import require_protected_database
from stack.errors import StackError
from stack.private_files import UMASK
from stack.settings import (
    CELERY_EXECUTOR,
    EXECUTOR_SETTING,
    LOCAL_EXECUTOR,
    ROOT,
    Settings,
    require_token_key,
)
from stack.stack import Stack

INTERRUPTED = 130
EXECUTORS = {"local": LOCAL_EXECUTOR, "celery": CELERY_EXECUTOR}


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Return 0 for done, 1 failed, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="stack", description="The embedded stack")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="everything it writes")
    parser.add_argument("--executor", choices=EXECUTORS, help="what runs tasks: local, or celery")
    parser.add_argument("command", choices=sorted([*COMMANDS, "airflow"]))
    # Arguments after `airflow` are Airflow's, options included
    own, passed_on = _split_arguments(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(own)
    _interrupt_on_signals()
    os.umask(UMASK)
    if chosen.executor:
        os.environ[EXECUTOR_SETTING] = EXECUTORS[chosen.executor]
    try:
        if chosen.command == "airflow":
            airflow(chosen.data, passed_on)
        return COMMANDS[chosen.command](chosen.data)
    except StackError as err:
        print(f"{chosen.command}: {err}", file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt:
        print(f"{chosen.command}: interrupted; nothing is left running", file=sys.stderr)
        return INTERRUPTED


def _split_arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "airflow" not in arguments:
        return arguments, []
    after = arguments.index("airflow") + 1
    return arguments[:after], arguments[after:]


def up(data: Path) -> int:
    """Start the stack and print how to reach it."""
    require_token_key(os.environ)
    require_protected_database(os.environ)
    stack = _stack(data)
    if not stack.up():
        _print("The stack is already up.")
    _print(_connection_details(stack))
    return 0


def down(data: Path) -> int:
    """End the stack, and a demo that was interrupted."""
    ran = [_stack(directory).down() for directory in (data, data / "demo") if directory.exists()]
    _print("The stack is down." if any(ran) else "Nothing was running.")
    return 0


def migrate(data: Path) -> int:
    """Apply pending migrations."""
    _print(_stack(data).migrate().strip())
    return 0


def status(data: Path) -> int:
    """Print the healthy components. Return 0 only if the stack is up."""
    stack = _stack(data)
    if not stack.is_running:
        _print("The stack is down.")
        return 1
    healthy = ", ".join(sorted(stack.healthy())) or "nothing"
    _print(f"Up; healthy: {healthy}\n{_connection_details(stack)}")
    return 0


def demo(data: Path) -> int:
    """Run the demo in a directory of its own, from the beginning each time."""
    from demo.demo import run_demo  # needs the pipeline's rows, which the other commands do not

    require_protected_database(os.environ)
    return run_demo(data / "demo")


def airflow(data: Path, arguments: list[str]) -> NoReturn:
    """Replace this process by Airflow's command line, in the environment of the stack."""
    settings = _stack(data).settings
    variables = environment.airflow_environment(settings)
    os.chdir(ROOT)
    os.execvpe("airflow", ["airflow", *arguments], variables)  # noqa: S606


COMMANDS: dict[str, Callable[[Path], int]] = {
    "up": up,
    "down": down,
    "migrate": migrate,
    "status": status,
    "demo": demo,
}


def _stack(data: Path) -> Stack:
    return Stack(
        Settings.load(data=data, environ=os.environ), report=lambda line: _print(f"  {line}")
    )


def _connection_details(stack: Stack) -> str:
    settings = stack.settings
    amazon = settings.emulator_url if settings.uses_emulator else "as AIRFLOW_CONN_AMAZON_ADS says"
    database = "as AIRFLOW_CONN_RECOMAMP_DB says (`make migrate` applies its migrations)"
    if settings.uses_embedded_database:
        database = f"psql '{settings.display_uri(settings.owner_uri)}'"
    lines = {
        "executor": settings.executor,
        "UI": settings.api_url,
        "user": environment.UI_USER,
        "password": f"in {environment.password_file(settings)}",
        "application DB": database,
        "Airflow's DB": f"psql '{settings.display_uri(settings.airflow_uri)}'",
        "Amazon": amazon,
        "results": environment.airflow_environment(settings)["RECOMAMP_RESULTS_URL"],
        "logs": str(settings.data / "logs"),
    }
    return "\n".join(f"{name:>15}  {value}" for name, value in lines.items())


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader has closed the pipe (`make up | head`). That is not a reason to stop starting
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt_on_signals() -> None:
    """Treat SIGTERM and SIGHUP as Ctrl-C. A shell's background jobs ignore SIGINT."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
