"""The two images of a release, where Docker or podman is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from release.checks import Release

TARGETS = ("pipeline", "emulator")
_ANSWER_SECONDS = 60


def find_engine() -> str | None:
    """Return the engine that answers here, Docker first."""
    for engine in ("docker", "podman"):
        if shutil.which(engine) and _answers(engine):
            return engine
    return None


def build_images(engine: str, source: Path, release: Release, folder: Path) -> Path:
    """Build both images of the exported files; return the list of their tags and ids."""
    lines = []
    for target in TARGETS:
        tag = f"recomamp-{target}:{release.version}"
        command = [engine, "build", "--target", target, "--tag", tag]
        command += ["--build-arg", f"VERSION={release.version}"]
        for name, value in (("version", release.version), ("revision", release.commit)):
            command += ["--label", f"org.opencontainers.image.{name}={value}"]
        subprocess.run([*command, str(source)], check=True)
        lines.append(f"{tag} {_image_id(engine, tag)}\n")
    written = folder / "images.txt"
    written.write_text("".join(lines), encoding="utf-8")
    return written


def _image_id(engine: str, tag: str) -> str:
    command = [engine, "image", "inspect", "--format", "{{.Id}}", tag]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def _answers(engine: str) -> bool:
    try:
        done = subprocess.run(
            [engine, "info"], capture_output=True, check=False, timeout=_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
