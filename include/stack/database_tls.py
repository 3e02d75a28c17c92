"""The pipeline's rule for protected connections, applied to the caller's databases."""

from __future__ import annotations

from collections.abc import Mapping

from recomamp.errors import ConfigurationError
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.tls import protected_arguments
from stack.environment import inherited_environment
from stack.errors import RefusedError
from stack.settings import DATABASE_SETTING, MIGRATE_SETTING


def require_protected_database(environ: Mapping[str, str]) -> None:
    """Check that connections to databases elsewhere are encrypted and verified.

    :raises RefusedError: if one is not. A component would only write that to its log.
    """
    for name in (DATABASE_SETTING, MIGRATE_SETTING):
        if value := environ.get(name):
            try:
                protected_arguments(connection_arguments(value), inherited_environment(environ))
            except ConfigurationError as err:
                message = f"{name}: {err}"
                raise RefusedError(message) from err
