"""What an Airflow connection says: whether it is defined, and which addresses it names."""

from __future__ import annotations

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from recomamp.amazon.regions import Endpoint, endpoint_of
from recomamp.errors import ConfigurationError


def variable_of(conn_id: str) -> str:
    """Return the environment variable that defines a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def defined_connection(conn_id: str) -> Connection:
    """Return an Airflow connection; raises ConfigurationError, naming what to set."""
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as err:
        raise undefined(conn_id) from err


def undefined(conn_id: str) -> ConfigurationError:
    """Return the error of a connection that is not defined, naming what to set."""
    return ConfigurationError(f"connection {conn_id!r} is not defined: set {variable_of(conn_id)}")


def endpoint_at(connection: Connection, region: str) -> Endpoint:
    """Return the addresses of a region, with those that the connection names instead.

    :raises InvalidDefinition: when the region is not known.
    """
    regional = endpoint_of(region)
    extra = connection.extra_dejson
    own = (extra.get("regions") or {}).get(region, {})
    return Endpoint(
        api_url=own.get("api_url") or base_url(connection) or regional.api_url,
        token_url=own.get("token_url") or extra.get("token_url") or regional.token_url,
    )


def base_url(connection: Connection) -> str | None:
    """Return the address that host, schema and port of a connection of type http name."""
    if not connection.host:
        return None
    scheme = "http" if connection.conn_type == "http" else "https"
    if connection.schema in ("http", "https"):
        scheme = connection.schema
    host = connection.host if "://" in connection.host else f"{scheme}://{connection.host}"
    return f"{host}:{connection.port}" if connection.port else host
