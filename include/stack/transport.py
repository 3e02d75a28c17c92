"""Whether the databases that the caller names may be connected to: the pipeline's own rule."""

from __future__ import annotations

from collections.abc import Mapping

from recomamp.errors import ConfigurationError
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.tls import protected_arguments
from stack.environment import inherited
from stack.errors import RefusedError
from stack.settings import DATABASE_SETTING, MIGRATE_SETTING


def require_protected_database(environ: Mapping[str, str]) -> None:
    """Check that connections to databases elsewhere are encrypted and verified.

    :raises RefusedError: if one is not; a component would only say so in its log.
    """
    for name in (DATABASE_SETTING, MIGRATE_SETTING):
        if value := environ.get(name):
            try:
                protected_arguments(connection_arguments(value), inherited(environ))
            except ConfigurationError as err:
                message = f"{name}: {err}"
                raise RefusedError(message) from err
