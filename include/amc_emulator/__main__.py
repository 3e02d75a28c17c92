"""Run the emulator: `python -m amc_emulator --host 127.0.0.1 --port 8099`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from amc_emulator.app import create_app
from amc_emulator.emulator import Emulator
from amc_emulator.server import Server, bind
from amc_emulator.start_checks import start_error
from amc_emulator.tenants import DEFAULT_TENANTS_FILE, InvalidTenantsFile, read_tenants


def main() -> int:
    """Serve until interrupted. Return 2 when the emulator cannot start."""
    flags = _flags()
    if rejection := start_error(flags.host, allow_remote=flags.allow_remote, environ=os.environ):
        return _exit_with_error(rejection)
    try:
        tenants = read_tenants(flags.tenants)
        bound = bind(flags.host, flags.port)
    except InvalidTenantsFile as err:
        return _exit_with_error(str(err))
    except OSError as err:
        return _exit_with_error(
            f"cannot listen on {flags.host}:{flags.port}: {err.strerror or err}"
        )
    url = f"http://{flags.host}:{bound.getsockname()[1]}"
    app = create_app(Emulator(tenants))
    server = Server(app, on_listening=lambda: _print(f"AMC emulator listening on {url}"))
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        return 0
    return 0


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="amc_emulator", description="A stand-in for Amazon Marketing Cloud."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="listen on an address that other machines reach, where only trusted ones do",
    )
    parser.add_argument("--port", type=_port, default=8099, help="port; 0 takes a free one")
    parser.add_argument(
        "--tenants",
        type=Path,
        default=os.environ.get("AMC_EMULATOR_TENANTS", DEFAULT_TENANTS_FILE),
        help="TOML file of clients, consents, accounts (AMC_EMULATOR_TENANTS)",
    )
    return parser.parse_args()


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number")
    return int(text)


def _exit_with_error(reason: str) -> int:
    sys.stderr.write(f"amc_emulator: {reason}\n")
    return 2


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
