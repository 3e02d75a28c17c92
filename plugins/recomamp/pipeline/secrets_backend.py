"""A secrets backend of Airflow that reads each connection from a file of its own.

Docker and Kubernetes give a container its secrets as files. An environment variable would be shown
by ``docker inspect`` and inherited by every child process.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from airflow.secrets.base_secrets import BaseSecretsBackend

log = logging.getLogger(__name__)


class SecretFilesBackend(BaseSecretsBackend):
    """Looks a connection up in the file ``AIRFLOW_CONN_<ID>``.

    Airflow asks its other backends where there is no file, or an empty one.

    :param directory: where the files are.
    """

    def __init__(self, directory: str = "/run/secrets") -> None:
        super().__init__()
        self.directory = Path(directory)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return the connection as a URI or JSON.

        None where there is no file, an empty one, or one that cannot be read, which is logged.
        """
        if not re.fullmatch(r"\w+", conn_id):
            return None  # an id never leads out of the folder
        path = self.directory / f"AIRFLOW_CONN_{conn_id.upper()}"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as err:
            # Raised, it would reach Airflow's log at level debug only
            log.error("%s cannot be read: %s", path, getattr(err, "strerror", None) or err)
            return None
        return text.strip() or None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return None: variables are not kept in files."""
        return None
