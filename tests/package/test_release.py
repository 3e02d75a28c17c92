"""What `make release` refuses, what it builds, and that two builds of a tag are equal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

from fixtures.locks import locked

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("plugins", "dags", "include", "requirements", "tests/store/releases")
READ = ("include/release", "include/sql/migrations", "tests/store/releases")
FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "Dockerfile", ".gitignore")
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-12-01)\n\n- Something.\n\n## 0.1.0\n\n- A.\n"
)
VERSION = "1.2.0"
WHEEL = f"airflow_provider_amc-{VERSION}-py3-none-any.whl"
MATERIALS = f"recomamp-pipeline-{VERSION}.cdx.json"
PROGRAMS = Path(str(shutil.which("git")))
# Stands for Docker or podman: lists what it is asked, and names an image
ENGINE = """#!/bin/sh
echo "{name} $*" >> "${{0%/*}}/asked"
case "$1" in
  image) echo "sha256:0123" ;;
  {fails_at}) exit 1 ;;
esac
exit {status}
"""


class Checkout:
    """A clone of the project of its own, at the tag v1.2.0."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        self.dist = folder / "dist"

    def git(self, *arguments: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/"}
        for who in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{who}_NAME": "Ann", f"GIT_{who}_EMAIL": "ann@example.com"}
            own[f"GIT_{who}_DATE"] = "2026-12-01T10:00:00Z"
        command = [PROGRAMS, "-C", self.folder, *arguments]
        done = subprocess.run(command, env=own, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def release(self, *, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
        """Run what `make release` runs, without the engines of this machine."""
        return subprocess.run(
            [sys.executable, "-m", "release"],
            cwd=self.folder,
            env={
                "PATH": str(self.programs),
                "PYTHONPATH": str(self.folder / "include"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": "/",
            },
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )

    def version(self) -> str:
        """Return the version that a wheel of this tree has."""
        done = subprocess.run(
            [ROOT / ".venv-package/bin/python", "-m", "hatchling", "version"],
            cwd=self.folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()


def make_checkout(folder: Path) -> Checkout:
    """Make a repository of the folder's files, tagged, with the environments of this one."""
    programs = folder.with_name(f"{folder.name}-programs")
    programs.mkdir()
    programs.joinpath("git").symlink_to(PROGRAMS)
    checkout = Checkout(folder, programs)
    checkout.write("CHANGELOG.md", CHANGELOG)
    # Between releases the newest migration has no dump; what is in it is not read
    newest = max(path.name for path in folder.joinpath("include/sql/migrations").glob("*.sql"))
    checkout.write(f"tests/store/releases/{newest[:4]}.sql", "-- A dump\n")
    for name in (".venv-package", ".venv-sbom"):
        assert (ROOT / name / ".installed").exists(), f"make {name}/.installed"
        folder.joinpath(name).symlink_to(ROOT / name)
    checkout.git("init", "--quiet")
    checkout.commit()
    checkout.git("tag", f"v{VERSION}")
    return checkout


def copy_tree(names: tuple[str, ...], folder: Path) -> None:
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in names:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=unwanted)
        else:
            shutil.copy(source, target)


@pytest.fixture
def small(tmp_path: Path) -> Checkout:
    """Provide a checkout with what the refusals read."""
    folder = tmp_path / "small"
    copy_tree((*READ, ".gitignore"), folder)
    return make_checkout(folder)


@pytest.fixture
def whole(tmp_path: Path) -> Checkout:
    """Provide a checkout with what is built."""
    return make_whole(tmp_path / "whole")


def make_whole(folder: Path) -> Checkout:
    copy_tree((*FOLDERS, *FILES), folder)
    return make_checkout(folder)


def add_engine(checkout: Checkout, name: str, *, status: int = 0, fails_at: str = "-") -> None:
    """Put a stand-in of an engine on the path; it lists what it was asked in a file."""
    program = checkout.programs / name
    program.write_text(ENGINE.format(name=name, status=status, fails_at=fails_at), encoding="utf-8")
    program.chmod(0o755)


def newest_dump(checkout: Checkout) -> Path:
    return max(checkout.folder.joinpath("tests/store/releases").glob("*.sql"))


# --- Refusals ----------------------------------------------------------------------------------


def leave_changed(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", CHANGELOG + "more\n")


def leave_untracked(checkout: Checkout) -> None:
    checkout.write("include/sql/queries/mine.sql", "SELECT 1;")


def commit_after_the_tag(checkout: Checkout) -> None:
    checkout.write("later", "x")
    checkout.commit()


def name_the_tag_otherwise(checkout: Checkout) -> None:
    checkout.git("tag", "--delete", f"v{VERSION}")
    for name in ("1.2.0", "v1.2", "v1.2.0rc1", "soak-v1.2.0"):
        checkout.git("tag", name)


def tag_twice(checkout: Checkout) -> None:
    checkout.git("tag", "v1.2.1")


def change_the_changelog(text: str) -> Callable[[Checkout], None]:
    def change(checkout: Checkout) -> None:
        checkout.write("CHANGELOG.md", text)
        checkout.commit()
        checkout.git("tag", "--force", f"v{VERSION}")

    return change


def remove_the_dump(checkout: Checkout) -> None:
    newest_dump(checkout).unlink()
    checkout.commit()
    checkout.git("tag", "--force", f"v{VERSION}")


def add_a_migration(checkout: Checkout) -> None:
    checkout.write("include/sql/migrations/9999_next.sql", "SELECT 1;")
    checkout.commit()
    checkout.git("tag", "--force", f"v{VERSION}")


def remove_the_history(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / ".git")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (leave_changed, r"the tree has 1 changed .* \(CHANGELOG\.md\)"),
        (leave_untracked, r"the tree has 1 changed or untracked .* \(include/sql/queries/\)"),
        (commit_after_the_tag, r"HEAD has no tag such as v1\.2\.0"),
        (name_the_tag_otherwise, r"HEAD has no tag such as v1\.2\.0"),
        (tag_twice, r"HEAD has several version tags \(1\.2\.0, 1\.2\.1\)"),
        (change_the_changelog("## 1.1.0\n\n- A.\n"), r"CHANGELOG\.md has no section 1\.2\.0"),
        (change_the_changelog("## 1.2.0\n\n## 1.1.0\n- A.\n"), r"no section 1\.2\.0, or nothing"),
        (change_the_changelog("## Unreleased\n- B.\n\n## 1.2.0\n- A.\n"), r"under Unreleased"),
        (remove_the_dump, r"tests/store/releases/\d{4}\.sql is missing; run `make release-dump`"),
        (add_a_migration, r"tests/store/releases/9999\.sql is missing; run `make release-dump`"),
        (remove_the_history, r"this folder is no checkout of Git"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)  # fmt: skip
def test_a_commit_that_is_no_release_is_refused(
    small: Checkout, spoil: Callable[[Checkout], None], problem: str
) -> None:
    spoil(small)

    done = small.release()

    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"release: [^\n]*{problem}[^\n]*\n", done.stderr), done.stderr
    assert not small.dist.exists()


def test_all_reasons_are_said_at_once(small: Checkout) -> None:
    remove_the_dump(small)
    leave_untracked(small)
    small.git("tag", "--delete", f"v{VERSION}")

    lines = small.release().stderr.splitlines()

    assert len(lines) == 3
    assert all(line.startswith("release: ") for line in lines)


# --- What is built -----------------------------------------------------------------------------


def digests(dist: Path) -> dict[str, str]:
    """Return the checksum of each file."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in dist.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Provide a checkout that was released without an engine, for reading alone."""
    checkout = make_whole(tmp_path_factory.mktemp("built") / "whole")
    add_engine(checkout, "docker", status=1)  # as without its daemon
    checkout.write("dags/.env", "KEY=1")  # ignored by Git, so the tree is clean
    checkout.write("dist/airflow_provider_amc-0.9.0-py3-none-any.whl", "older")
    checkout.write("dist/notes.txt", "mine")
    done = checkout.release()
    assert done.returncode == 0, done.stderr
    assert "no images, because neither Docker nor podman answers here" in done.stdout
    return checkout


@pytest.mark.long
def test_a_release_is_the_tags_commit_and_nothing_else(built: Checkout) -> None:
    found = digests(built.dist)
    assert set(found) == {WHEEL, MATERIALS, "SHA256SUMS", "notes.txt"}
    sums = built.dist.joinpath("SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert sums == [f"{found[name]}  {name}" for name in (WHEEL, MATERIALS)]
    with zipfile.ZipFile(built.dist / WHEEL) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(f"airflow_provider_amc-{VERSION}.dist-info/METADATA").decode()
    assert Parser().parsestr(metadata)["Version"] == VERSION
    assert "recomamp/version.py" in names
    assert "recomamp/sql/access.sql" in names
    assert not [name for name in names if name.endswith(".env")]


@pytest.mark.long
def test_the_bill_lists_what_the_image_installs(built: Checkout) -> None:
    bill = json.loads(built.dist.joinpath(MATERIALS).read_text(encoding="utf-8"))

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    component = bill["metadata"]["component"]
    assert (component["name"], component["version"]) == ("recomamp-pipeline", VERSION)
    assert bill["metadata"]["timestamp"] == "2026-12-01T10:00:00+00:00"
    lock = locked(ROOT / "requirements" / "run.lock")
    listed = {one["name"]: one for one in bill["components"]}
    assert len(listed) > 150
    # Of Windows, browsers and another Python
    assert set(lock) - set(listed) == {"colorama", "httpx2-jsfetch", "pyyaml-ft"}
    for name, one in listed.items():
        requirement, hashes = lock[name]
        assert str(requirement.specifier) == f"=={one['version']}"
        assert one["purl"].startswith(f"pkg:pypi/{name}@{one['version']}")
        (source,) = one["externalReferences"]
        assert {f"--hash=sha256:{each['content']}" for each in source["hashes"]} == set(hashes)


@pytest.mark.long
def test_two_builds_of_a_tag_are_equal(built: Checkout, tmp_path: Path) -> None:
    """Elsewhere, later, by a user with another umask, and with an engine."""
    other = Checkout(tmp_path / "other" / "place", tmp_path / "programs")
    shutil.copytree(built.folder, other.folder, symlinks=True)
    shutil.copytree(built.programs, other.programs, symlinks=True)
    shutil.rmtree(other.dist)
    for path in (other.folder / "plugins").rglob("*.py"):
        os.utime(path, (0, 0))  # Git keeps no times
    add_engine(other, "podman")

    done = other.release(umask=0o077)

    assert done.returncode == 0, done.stderr
    first, second = digests(built.dist), digests(other.dist)
    assert set(second) == {WHEEL, MATERIALS, "images.txt", "SHA256SUMS"}
    assert [first[name] for name in (WHEEL, MATERIALS)] == [
        second[name] for name in (WHEEL, MATERIALS)
    ]
    assert_images_are_built(other)


def assert_images_are_built(checkout: Checkout) -> None:
    asked = checkout.programs.joinpath("asked").read_text(encoding="utf-8").splitlines()
    builds = [line for line in asked if line.startswith("podman build ")]
    commit = checkout.git("rev-parse", "HEAD")
    for target, line in zip(("pipeline", "emulator"), builds, strict=True):
        assert f" --target {target} --tag recomamp-{target}:{VERSION} " in line
        assert f" --build-arg VERSION={VERSION} " in line
        assert f" --label org.opencontainers.image.version={VERSION} " in line
        assert f" --label org.opencontainers.image.revision={commit} " in line
        assert not line.endswith(str(checkout.folder))  # the export, without ignored files
    assert checkout.dist.joinpath("images.txt").read_text(encoding="utf-8") == (
        f"recomamp-pipeline:{VERSION} sha256:0123\nrecomamp-emulator:{VERSION} sha256:0123\n"
    )
    assert "  images.txt\n" in checkout.dist.joinpath("SHA256SUMS").read_text(encoding="utf-8")


def test_a_release_that_fails_has_no_sums(whole: Checkout) -> None:
    add_engine(whole, "docker", fails_at="build")
    whole.write("dist/SHA256SUMS", "of an earlier release")

    done = whole.release()

    assert done.returncode == 1
    assert done.stderr.endswith("release: docker failed, see above\n")
    assert set(digests(whole.dist)) == {WHEEL}


# --- Versions ----------------------------------------------------------------------------------


def test_the_version_is_that_of_the_tag_or_one_of_development(whole: Checkout) -> None:
    whole.git("tag", "soak-9.9.9")
    assert whole.version() == VERSION

    commit_after_the_tag(whole)
    whole.git("tag", "v7")
    assert re.fullmatch(r"1\.2\.1\.dev1\+g[0-9a-f]+", whole.version())


def test_a_tree_without_a_history_has_a_version_that_says_so(whole: Checkout) -> None:
    remove_the_history(whole)
    assert whole.version() == "0.0.0"
