"""Who asks, and what Airflow lets that user see and do. The console's only imports of Airflow.

These modules are not in Airflow's public interface. ``tests/console`` runs them in a real API
server.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, status

from recomamp.console.visible import NOTHING, RecentlyVisible, VisibleDefinitions
from recomamp.store.statements import Row

Method = Literal["GET", "POST", "PUT", "DELETE"]

_recently_visible = RecentlyVisible()


class Action(NamedTuple):
    """What a user does with a DAG: the right that Airflow knows for it, and words for both."""

    method: Method
    entity: DagAccessEntity | None
    words: str


EDIT = Action("PUT", None, "change this DAG (PUT on the DAG)")
START_RUNS = Action("POST", DagAccessEntity.RUN, "start runs of this DAG (POST on its runs)")
# To end and to clear them
CHANGE_RUNS = Action("PUT", DagAccessEntity.RUN, "change runs of this DAG (PUT on its runs)")


class Visitor:
    """A user who is signed in to Airflow."""

    def __init__(self, user: BaseUser) -> None:
        self._user = user

    @property
    def id(self) -> str:
        """Airflow's id of the user."""
        return str(self._user.get_id())

    def visible(self, entity: DagAccessEntity | None = None) -> VisibleDefinitions:
        """Return the definitions of which lists show a part, as in Airflow's own lists.

        The user may read their DAGs, and that part of DAGs in general.
        """
        if entity is not None and not self._may("GET", entity, None):
            return NOTHING
        return self._readable

    @cached_property
    def _readable(self) -> VisibleDefinitions:
        """The definitions whose DAGs the user may read, as they were a few seconds ago at most."""
        manager = get_auth_manager()
        # All that a sign-in says of a user: one name may sign in with several roles
        identity = json.dumps(manager.serialize_user(self._user), sort_keys=True, default=str)
        return _recently_visible.get(
            identity, lambda: manager.get_authorized_dag_ids(user=self._user)
        )

    @cached_property
    def may_edit_all(self) -> bool:
        """Whether the user may change every DAG: register rows, and see all instances."""
        return self._may("PUT", None, None)

    def may(self, method: Method, dag_id: str, entity: DagAccessEntity | None = None) -> bool:
        """Return whether the user may do this with a DAG, or with a part of it."""
        return self._may(method, entity, dag_id)

    def may_do(self, action: Action, dag_id: str) -> bool:
        """Return whether the user may do this with a DAG."""
        return self.may(action.method, dag_id, action.entity)

    def require_read(self, dag_id: str | None, entity: DagAccessEntity | None = None) -> None:
        """Refuse a user who may not read a DAG, in the words for a row that does not exist.

        :param dag_id: None for a row that belongs to no DAG: nobody reads it here.
        """
        if dag_id is None or not self.may("GET", dag_id, entity):
            raise not_found()

    def require(self, action: Action, dag_id: str) -> None:
        """Refuse a user who may not do this with a DAG."""
        self.require_read(dag_id)
        if not self.may_do(action, dag_id):
            raise _forbidden(action.words)

    def require_read_all(self, entity: DagAccessEntity) -> None:
        """Refuse a user who may not read that part of DAGs in general."""
        if not self._may("GET", entity, None):
            raise not_found()

    def require_edit_all(self) -> None:
        """Refuse a user who may not change every DAG."""
        if not self.may_edit_all:
            raise _forbidden("register rows (PUT on all DAGs)")

    def _may(self, method: Method, entity: DagAccessEntity | None, dag_id: str | None) -> bool:
        team = DagModel.get_team_name(dag_id) if dag_id else None
        if team is None and _has_teams() and (dag_id is not None or method != "GET"):
            # Airflow knows no team of the DAG, or of all DAGs: the rights of teams say nothing
            return False
        return get_auth_manager().is_authorized_dag(
            method=method,
            access_entity=entity,
            details=DagDetails(id=dag_id, team_name=team),
            user=self._user,
        )


def _has_teams() -> bool:
    return bool(conf.getboolean("core", "multi_team", fallback=False))


def current_visitor(user: GetUserDep) -> Visitor:
    """Return who asks; a request that is not signed in gets 401."""
    return Visitor(user)


# A route with this parameter answers 401 to a request that is not signed in
CurrentVisitor = Annotated[Visitor, Depends(current_visitor)]

# The parts of a DAG that a user may be forbidden to read: runs, the query, and what a run returned
DagPart = DagAccessEntity
RUNS, QUERY, RESULTS = DagAccessEntity.RUN, DagAccessEntity.CODE, DagAccessEntity.XCOM


def not_found() -> HTTPException:
    """Return the answer about a row that does not exist, or that its asker may not see."""
    return HTTPException(
        status.HTTP_404_NOT_FOUND, "There is no such row, or you may not read its DAG"
    )


def require_row(row: Row | None) -> Row:
    """Return a row; 404 where there is none."""
    if row is None:
        raise not_found()
    return row


def _forbidden(action: str) -> HTTPException:
    return HTTPException(status.HTTP_403_FORBIDDEN, f"Airflow does not let you {action}")
