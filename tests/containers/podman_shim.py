#!/usr/bin/env python3
"""podman for podman-compose, also before version 4.6 and on machines without systemd.

Such a podman knows no `wait --condition=healthy`, and cannot start a container that requires one
that has ended. Without systemd nobody runs the health checks, so waiting runs them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

PODMAN = "podman"
PAUSE_SECONDS = 2


def state(name: str) -> dict[str, object]:
    """Return the state of a container, nothing where there is none yet."""
    done = subprocess.run(
        [PODMAN, "container", "inspect", name], check=False, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout)[0]["State"]) if done.returncode == 0 else {}


def is_healthy(name: str) -> bool:
    """Run a container's health check."""
    done = subprocess.run([PODMAN, "healthcheck", "run", name], check=False, capture_output=True)
    return done.returncode == 0


def has_ended(name: str) -> bool:
    """Return whether a container has ended well. Exit where it has failed."""
    now = state(name)
    if now.get("Status") != "exited":
        return False
    if now.get("ExitCode"):
        sys.exit(f"{name} failed")
    return True


def wait(arguments: list[str]) -> None:
    """Wait as `podman wait` of version 4.6 does."""
    condition = next((one for one in arguments if one.startswith("--condition=")), "")
    reached = {"--condition=healthy": is_healthy, "--condition=stopped": has_ended}.get(condition)
    if reached is None:
        os.execvp(PODMAN, [PODMAN, "wait", *arguments])  # noqa: S606  nothing goes through a shell
    for name in [one for one in arguments if not one.startswith("--")]:
        while not reached(name):
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write("podman version 5.0.0\n")  # then podman-compose waits by `wait`
    elif sys.argv[1:2] == ["wait"]:
        wait(sys.argv[2:])
    else:
        kept = [one for one in sys.argv[1:] if not one.startswith("--requires=")]
        os.execvp(PODMAN, [PODMAN, *kept])  # noqa: S606  nothing goes through a shell
