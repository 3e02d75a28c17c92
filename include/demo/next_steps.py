"""What a reader can do after the demo: commands that work as printed, from the same folder."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from demo.rows import COSTS_SCHEDULE, read_sql
from demo.state import State
from stack.environment import UI_USER, airflow_environment, password_file
from stack.settings import DATABASE_SETTING, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a reader may want to do, and a command for it.

    :param command: for a shell; an SQL statement where the database is not the stack's own.
    """

    text: str
    command: str


def next_steps(settings: Settings, state: State, *, psql: str) -> list[Step]:
    """Return the steps from a look at Airflow to a schedule of one's own.

    :param psql: the program that runs SQL statements.
    """
    data, password = shown_path(settings.data), shown_path(password_file(settings))
    steps = [
        Step(
            text=f"Start everything again with the rows of the demo; it runs until you stop it. The"
            f" Airflow UI is then at"
            f" {settings.api_url} (user {UI_USER}, password in {password}),"
            f" and the page AMC at {settings.api_url}/plugin/amc.",
            command=f"make up DATA={shlex.quote(data)}",
        ),
        Step(
            text="While the stack is up, look at the result rows that are shown above:",
            command=_sql_command(settings, _statement("select_result_rows"), psql),
        ),
    ]
    if folder := _folder_of_costs(state):
        results = _shown_uri(airflow_environment(settings)["RECOMAMP_RESULTS_URL"])
        steps.append(
            Step(
                text=f"The Parquet files are in {results}. Read those of a workflow with pandas:",
                command=f".venv/bin/python -c {shlex.quote(_pandas_code(folder))}",
            )
        )
    steps += [
        Step(
            text="While the stack is up, register a schedule of your own. Within a minute it is"
            " the DAG whose id the statement returns. It runs at 06:00, or at once with Trigger in"
            " the UI.",
            command=_sql_command(settings, _statement("insert_own_schedule"), psql),
        ),
        Step(text="Stop everything:", command=f"make down DATA={shlex.quote(data)}"),
    ]
    return steps


def shown_path(path: Path) -> str:
    """Write a path as one may type it in the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _sql_command(settings: Settings, statement: str, psql: str) -> str:
    if not settings.uses_embedded_database:
        return f"-- in the database of {DATABASE_SETTING}\n{statement};"
    uri = settings.display_uri(settings.owner_uri, passfile=shown_path(settings.pgpass_file))
    return f'{shlex.quote(psql)} \\\n{shlex.quote(uri)} \\\n-c "{statement}"'


def _pandas_code(folder: str) -> str:
    read = f"import pandas; print(pandas.read_parquet(\n{json.dumps(folder)}\n)"
    return f'{read}.groupby("campaign")[["clicks", "spend"]].sum())'


def _statement(name: str) -> str:
    lines = [line for line in read_sql(name).splitlines() if not line.startswith("--")]
    text = "\n".join(lines).strip().removesuffix(";")
    return text.replace("%(schedule_id)s", f"'{COSTS_SCHEDULE}'")


def _folder_of_costs(state: State) -> str | None:
    """Return the folder with the files of all executions of the workflow, if it has any."""
    files = [row["first_file"] for row in state.executions_of(COSTS_SCHEDULE) if row["first_file"]]
    return _shown_uri(files[0]).partition("/recomamp_window_start=")[0] if files else None


def _shown_uri(uri: str) -> str:
    parts = urlsplit(uri)
    return shown_path(Path(unquote(parts.path))) if parts.scheme == "file" else uri
