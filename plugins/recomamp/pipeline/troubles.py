"""What goes wrong with one of several parts, and must not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from recomamp.domain.errors import ConsentRevoked, MissingSetting, PipelineError
from recomamp.pipeline.operators import FINAL_ERRORS

log = logging.getLogger(__name__)

# Nothing else can be asked of Amazon either, in the name of the same user
HOPELESS = (ConsentRevoked, MissingSetting)


class Troubles:
    """The errors of the parts that failed.

    :param stopped_by: errors that concern all parts: they are raised at once.
    """

    def __init__(self, stopped_by: tuple[type[PipelineError], ...] = HOPELESS) -> None:
        self.found: dict[str, PipelineError | psycopg2.Error] = {}
        self._stopped_by = stopped_by

    @contextmanager
    def about(self, part: object) -> Iterator[None]:
        """Keep what goes wrong with a part within this block, which ends there."""
        try:
            yield
        except self._stopped_by:
            raise
        except (PipelineError, psycopg2.Error) as err:
            log.warning("%s: %s", part, err)
            self.found[str(part)] = err

    @property
    def are_final(self) -> bool:
        """Tell that no second try can help."""
        return all(isinstance(error, FINAL_ERRORS) for error in self.found.values())

    def __bool__(self) -> bool:
        return bool(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        return "; ".join(
            f"{part}: {' '.join(str(err).split())}" for part, err in self.found.items()
        )
