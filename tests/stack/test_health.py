"""Which components say that they are well."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack import Settings
from stack.health import healthy_components


@pytest.mark.parametrize(
    ("place", "expected"),
    [({}, set()), ({"RECOMAMP_SNAPSHOT_DIR": ""}, {"follower"})],
    ids=["nothing touched", "no place to touch"],
)
def test_a_follower_without_a_place_to_say_so_is_not_waited_for(
    tmp_path: Path, place: dict[str, str], expected: set[str]
) -> None:
    settings = Settings.load(data=tmp_path, environ=place, free_ports=True)

    assert healthy_components(settings) == expected
