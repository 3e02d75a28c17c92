"""The console's application: routes, static files, and errors as JSON that says what to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg2
import psycopg2.errors
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from recomamp.console import (
    collections,
    definitions,
    executions,
    overview,
    register,
    results,
    schedules,
)
from recomamp.console.database import ConsoleDatabase, refusal_of
from recomamp.console.open_downloads import OpenDownloads
from recomamp.errors import AuthManagerBusy, ConfigurationError, DatabaseBusy
from recomamp.store.connections import is_away

log = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
PAGES = (overview, definitions, collections, schedules, executions, results, register)


def build_app() -> FastAPI:
    """Return the application. It opens no connection."""
    app = FastAPI(title="RecomAMP console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.database = ConsoleDatabase()
    app.state.open_downloads = OpenDownloads()
    for page in PAGES:
        app.include_router(page.router, prefix="/api")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.middleware("http")(_add_headers)
    for unavailable in (AuthManagerBusy, ConfigurationError, DatabaseBusy):
        app.add_exception_handler(unavailable, _answer_unavailable)
    app.add_exception_handler(psycopg2.Error, _answer_database_error)
    return app


async def _add_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Keep answers out of caches and of other sites; a module is asked for again by its ETag."""
    response = (
        JSONResponse({"detail": "the address has the character NUL"}, status_code=422)
        if "%00" in f"{request.url}"  # psycopg2 does not send it
        else await call_next(request)
    )
    is_static = request.url.path.startswith(f"{request.scope.get('root_path', '')}/static")
    response.headers["Cache-Control"] = "no-cache" if is_static else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _answer_unavailable(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)


def _answer_database_error(_request: Request, error: Exception) -> JSONResponse:
    """Tell a row that the database refuses from a database that does not answer."""
    code = getattr(error, "pgcode", None) or ""
    if is_away(error):
        log.warning("the application's database does not answer: %s", error)
        return JSONResponse(
            {"detail": "The application's database does not answer. Runs go on; try again later."},
            status_code=503,
        )
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        detail = "An open transaction has locked the row; try again when its owner has ended it."
        return JSONResponse({"detail": detail}, status_code=409)
    if (refusal := refusal_of(error)) is not None:
        return JSONResponse(refusal, status_code=422)
    log.error("a statement of the console failed: %s", error)
    return JSONResponse(
        {"detail": f"The database could not answer ({code}); the API server's log says more."},
        status_code=500,
    )
