"""Whether the checked-out commit may be released, and as which version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DUMPS = Path("tests/store/releases")
MIGRATIONS = Path("include/sql/migrations")

_TAG = re.compile(r"v(\d+\.\d+\.\d+)")
# A date may follow the version
_HEADING = re.compile(r"^## (\S+).*\n", re.MULTILINE)


class ReleaseRefused(Exception):
    """The commit may not be released. ``problems`` says why, a line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A version and its commit. ``committed_at`` is in seconds since 1970."""

    version: str
    commit: str
    committed_at: int


def find_release(root: Path) -> Release:
    """Return the release that the checkout ``root`` is.

    :raises ReleaseRefused: it is no release, with all reasons at once.
    """
    if not (root / ".git").exists():  # a worktree has a file
        raise ReleaseRefused(["this folder is no checkout of Git; release from a clone"])
    tags = _git(root, "tag", "--points-at", "HEAD").split()
    versions = [found[1] for tag in tags if (found := _TAG.fullmatch(tag))]
    problems = [
        *_tree_problems(root),
        *_tag_problems(versions),
        *_changelog_problems(root, versions),
        *_dump_problems(root),
    ]
    if problems:
        raise ReleaseRefused(problems)
    commit, committed_at = _git(root, "log", "-1", "--format=%H %ct").split()
    return Release(version=versions[0], commit=commit, committed_at=int(committed_at))


def _tree_problems(root: Path) -> Iterator[str]:
    if changed := _git(root, "status", "--porcelain").splitlines():
        names = ", ".join(line[3:] for line in changed[:3])
        yield (
            f"the tree has {len(changed)} changed or untracked files ({names});"
            " commit or remove them"
        )


def _tag_problems(versions: list[str]) -> Iterator[str]:
    if not versions:
        yield "HEAD has no tag such as v1.2.0; check out the tag, or make one"
    if len(versions) > 1:
        yield f"HEAD has several version tags ({', '.join(versions)}); remove the wrong ones"


def _changelog_problems(root: Path, versions: list[str]) -> Iterator[str]:
    sections = _sections((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if sections.get("Unreleased"):
        yield "CHANGELOG.md has entries under Unreleased; rename the heading to the version"
    if len(versions) == 1 and not sections.get(versions[0]):
        yield f"CHANGELOG.md has no section {versions[0]}, or nothing in it"


def _sections(changelog: str) -> dict[str, str]:
    """Return the text of each section of the second level by its first word."""
    _, *parts = _HEADING.split(changelog)
    return {
        name.strip("[]"): text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def _dump_problems(root: Path) -> Iterator[str]:
    newest = max(path.name for path in (root / MIGRATIONS).glob("*.sql"))[:4]
    dump = DUMPS / f"{newest}.sql"
    if not (root / dump).exists():
        yield f"{dump} is missing; run `make release-dump`, commit the file and move the tag"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as err:
        raise ReleaseRefused(["Git is missing; install it"]) from err
    except subprocess.CalledProcessError as err:
        raise ReleaseRefused([f"git {arguments[0]}: {err.stderr.strip()}"]) from err
    return done.stdout
