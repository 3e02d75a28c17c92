"""What a release consists of, apart from images: wheel, bill of materials, checksums."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

from packaging.requirements import Requirement

from release.checks import Release

SUMS = "SHA256SUMS"

# The environment of the pipeline image, for the conditions of requirements/run.lock
_IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.10",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def export(root: Path, release: Release, folder: Path) -> None:
    """Write the files of the commit to a folder: ignored files, such as .env, stay behind."""
    command = ["git", "-C", str(root), "archive", "--format=tar", release.commit]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def build_wheel(root: Path, source: Path, release: Release, folder: Path) -> Path:
    """Build the wheel of the exported files; the same commit gives the same bytes.

    :param root: the checkout, which has the environment .venv-package.
    """
    python = root / ".venv-package" / "bin" / "python"
    command = [str(python), "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    # The export has no history, so it is given the version of the tag
    environ = _reproducible(release) | {"SETUPTOOLS_SCM_PRETEND_VERSION": release.version}
    subprocess.run(command, cwd=source, env=environ, check=True, stdout=subprocess.DEVNULL)
    return folder / f"airflow_provider_amc-{release.version}-py3-none-any.whl"


def write_bill_of_materials(root: Path, source: Path, release: Release, folder: Path) -> Path:
    """List the packages of the pipeline image as CycloneDX, with versions and hashes.

    :param root: the checkout, which has the environment .venv-sbom.
    """
    name = f"recomamp-pipeline-{release.version}"
    lock, component = source / f"{name}.txt", source / f"{name}.toml"
    text = (source / "requirements" / "run.lock").read_text(encoding="utf-8")
    lock.write_text(_installed(text), encoding="utf-8")
    component.write_text(
        f'[project]\nname = "recomamp-pipeline"\nversion = "{release.version}"\n', encoding="utf-8"
    )
    written = folder / f"{name}.cdx.json"
    tool = root / ".venv-sbom" / "bin" / "cyclonedx-py"
    command = [str(tool), "requirements", "--output-reproducible", "--pyproject", str(component)]
    command += ["--spec-version", "1.6", "--output-format", "JSON"]
    command += ["--output-file", str(written), str(lock)]
    subprocess.run(command, env=_reproducible(release), check=True, stderr=subprocess.DEVNULL)
    return written


def write_sums(files: list[Path], folder: Path) -> Path:
    """Write the SHA-256 of files of a folder, as `sha256sum --check` reads them."""
    sums = folder / SUMS
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def _installed(lock: str) -> str:
    """Return the entries of a lock that the image installs; others are for other systems."""
    entries = lock.replace("\\\n", " ").splitlines()
    wanted = (Requirement(entry.partition("--hash")[0]) for entry in entries)
    return "".join(
        f"{entry}\n"
        for entry, one in zip(entries, wanted, strict=True)
        if one.marker is None or one.marker.evaluate(_IMAGE)
    )


def _reproducible(release: Release) -> dict[str, str]:
    return os.environ | {"SOURCE_DATE_EPOCH": str(release.committed_at)}
