"""The console's app in this process, without Airflow's sign-in: what it costs, what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx
from fastapi import FastAPI

from recomamp.console import access
from recomamp.console.app import build_app
from recomamp.console.visible import VisibleDefinitions


class SeesThese(access.Visitor):
    """A user who may do everything with some DAGs. Airflow is not asked."""

    def __init__(self, dag_ids: Iterable[str]) -> None:
        self._dag_ids = frozenset(dag_ids)

    @property
    def id(self) -> str:
        """Airflow's id of the user."""
        return "bench"

    def visible(self, _entity: object = None) -> VisibleDefinitions:
        """Return the definitions of these DAGs."""
        return VisibleDefinitions.of(self._dag_ids)

    def _may(self, _method: str, _entity: object, dag_id: str | None) -> bool:
        return dag_id is None or dag_id in self._dag_ids


def app_for(dag_ids: Iterable[str] = ()) -> FastAPI:
    """Return the console's app as such a user sees it."""
    app, visitor = build_app(), SeesThese(dag_ids)
    app.dependency_overrides[access.current_visitor] = lambda: visitor
    return app


def get(app: FastAPI, address: str) -> httpx.Response:
    """Ask the app for an address, such as ``/api/overview``."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.get(address)

    return asyncio.run(ask())
