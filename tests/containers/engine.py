"""The container engine of this machine: Docker with Compose, or podman with podman-compose."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHIM = Path(__file__).with_name("podman_shim.py")
DAEMON_SECONDS, BUILD_SECONDS, COMMAND_SECONDS = 30, 3600, 900


class NoEngine(Exception):
    """Neither Docker nor podman can run containers here."""


@dataclass(frozen=True)
class Engine:
    """Runs containers by the commands that Docker and podman share."""

    program: str
    compose_command: Sequence[str]
    log: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def is_podman(self) -> bool:
        """Whether it is podman, which needs stand-ins and the shim."""
        return self.program == "podman"

    def run(
        self, *arguments: str, stdin: str = "", seconds: float = COMMAND_SECONDS, check: bool = True
    ) -> str:
        """Run a command of the engine and return what it prints.

        :raises subprocess.CalledProcessError: it failed, and ``check`` is true.
        """
        return self._run([self.program, *arguments], stdin=stdin, seconds=seconds, check=check)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run a command of Compose."""
        command = [*self.compose_command, *arguments]
        return self._run(command, seconds=COMMAND_SECONDS, check=check)

    def build(self, context: Path, tag: str, *arguments: str) -> None:
        """Build an image from a folder with a Containerfile or a Dockerfile."""
        form = ["--format", "docker"] if self.is_podman else []  # a health check needs it
        self.run("build", *form, "--tag", tag, *arguments, str(context), seconds=BUILD_SECONDS)

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        return dict(json.loads(self.run("container", "inspect", name))[0])

    def is_healthy(self, name: str) -> bool:
        """Return whether a container's health check passes; podman without systemd runs none."""
        if self.is_podman:
            try:
                self.run("healthcheck", "run", name)
            except subprocess.CalledProcessError:
                return False
            return True
        return str(self.inspect(name)["State"]["Health"]["Status"]) == "healthy"

    def kill(self, name: str) -> None:
        """Kill a container from outside: the engine's own command would forbid its restart."""
        os.kill(int(self.inspect(name)["State"]["Pid"]), signal.SIGKILL)

    def names(self, project: str, service: str = "", *, running: bool = True) -> list[str]:
        """Return the containers of a Compose project, running ones or all, sorted."""
        filters = ["--filter", f"label=com.docker.compose.project={project}"]
        if service:
            filters += ["--filter", f"label=com.docker.compose.service={service}"]
        scope = [] if running else ["--all"]
        return sorted(self.run("ps", *scope, "--format", "{{.Names}}", *filters).split())

    def _run(
        self, command: Sequence[str], *, stdin: str = "", seconds: float, check: bool = True
    ) -> str:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)[:300]}\n")
            done = subprocess.run(
                command,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=False,
                timeout=seconds,
                env=self.environ,
            )
        if check:
            done.check_returncode()
        return done.stdout


def find_engine(log: Path) -> Engine:
    """Return Docker where its daemon answers, or else podman.

    :raises NoEngine: there is neither.
    """
    if (
        shutil.which("docker")
        and _succeeds("docker", "compose", "version")
        and _succeeds("docker", "info")
    ):
        return Engine("docker", ["docker", "compose"], log)
    compose = Path(sys.executable).with_name("podman-compose")
    if shutil.which("podman") and os.geteuid() == 0:
        return Engine("podman", [str(compose), "--podman-path", str(SHIM)], log)
    raise NoEngine("compose-test needs Docker, or podman as root")


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=DAEMON_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
