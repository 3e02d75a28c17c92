"""Build a release in dist: `python -m release`.

Exit code 0: all is built. 1: a build failed. 2: the commit may not be released.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from release.artifacts import SUMS, build_wheel, export, write_bill_of_materials, write_sums
from release.checks import Release, ReleaseRefused, find_release
from release.images import build_images, find_engine

ROOT = Path(__file__).resolve().parents[2]
# What earlier releases left; other files of the folder stay
_OURS = ("airflow_provider_amc-*.whl", "recomamp-pipeline-*.cdx.json", "images.txt", SUMS)


def main() -> int:
    """Check the commit, then build everything; print what there is."""
    try:
        release = find_release(ROOT)
    except ReleaseRefused as err:
        for problem in err.problems:
            print(f"release: {problem}", file=sys.stderr)
        return 2
    try:
        _build(release, ROOT / "dist")
    except subprocess.CalledProcessError as err:
        print(f"release: {Path(err.cmd[0]).name} failed, see above", file=sys.stderr)
        return 1
    return 0


def _build(release: Release, dist: Path) -> None:
    dist.mkdir(exist_ok=True)
    for pattern in _OURS:
        for old in dist.glob(pattern):
            old.unlink()
    engine = find_engine()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        export(ROOT, release, source)
        files = [build_wheel(ROOT, source, release, dist)]
        files += [build_images(engine, source, release, dist)] if engine else []
        files += [write_bill_of_materials(ROOT, source, release, dist)]
    # Last: a release that failed has no sums
    files += [write_sums(files, dist)]
    for file in files:
        print(f"release: {file.relative_to(ROOT)}")
    if engine is None:
        print("release: no images, because neither Docker nor podman answers here")
    print(f"release: {release.version} is built; docs/how-to/make-a-release.md says how to publish")


if __name__ == "__main__":
    sys.exit(main())
