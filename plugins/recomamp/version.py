"""Version of the running code: Amazon sees it in every call, and operators in the image."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PACKAGE = "airflow-provider-amc"
# What a checkout says: its code may be changed at any time
UNRELEASED = "dev"

_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,64}")


def read_version() -> str:
    """Return the version of the image, else of the installed package, else ``dev``.

    An image has the sources without a package, so its build sets RECOMAMP_VERSION. A value that
    is no version counts as ``dev``: it would break the headers that it is put into.
    """
    named = os.environ.get("RECOMAMP_VERSION") or _version_of_package()
    return named if _VERSION.fullmatch(named) else UNRELEASED


def _version_of_package() -> str:
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        return UNRELEASED
    # A checkout may come before a package of another version on the path
    module = Path(str(installed.locate_file("recomamp/version.py")))
    return installed.version if module.resolve() == Path(__file__).resolve() else UNRELEASED
