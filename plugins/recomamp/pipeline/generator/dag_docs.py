"""What the UI shows of a DAG besides its tasks. The text of rows is untrusted."""

from __future__ import annotations

import html
from collections.abc import Iterator

from recomamp.domain.amc_options import AmcOptions, PrivacyFiltering
from recomamp.domain.definitions import (
    Collection,
    Definition,
    InvalidDefinitionRow,
    Schedule,
    Workflow,
)
from recomamp.domain.sql.parameters import Parameter

INSTANCE_ERROR_TAG = "instance error"
FINDING_TAG = "finding"
INVALID_TAG = "invalid"
WAITING_TAG = "waiting"
MAX_NAME_CHARS = 250
_MAX_TAG_CHARS = 100
_SHOWN_QUERY_CHARS = 20_000
_SHOWN_VALUE_CHARS = 500


def display_name(definition: Definition) -> str:
    """Return the name of a DAG in lists."""
    return shortened(definition.name, MAX_NAME_CHARS) or definition.ref.dag_id


def description_of(definition: Definition) -> str:
    """Return the line below the name."""
    match definition:
        case InvalidDefinitionRow(error=error):
            text = str(error)
        case (
            Schedule(description=text, workflow=workflow)
            | Collection(description=text, workflow=workflow)
        ):
            text = text or workflow.name
    return shortened(text, MAX_NAME_CHARS)


def tags_of(definition: Definition) -> list[str]:
    """Return the tags that people filter by."""
    if isinstance(definition, InvalidDefinitionRow):
        state = WAITING_TAG if definition.is_waiting else INVALID_TAG
        return _tags(definition.ref.kind, definition.instance_id, state)
    workflow = definition.workflow
    warnings = [INSTANCE_ERROR_TAG] if workflow.instance_error else []
    warnings += [FINDING_TAG] if workflow.findings else []
    return _tags(definition.ref.kind, workflow.instance_id, workflow.name, *warnings)


def owner_of(definition: Definition) -> str:
    """Return the owner of the row, without the commas that separate owners."""
    return shortened(definition.owner.replace(",", " "), MAX_NAME_CHARS) or "unknown"


def invalid_doc(invalid: InvalidDefinitionRow) -> str:
    """Return the documentation of a DAG that starts nothing: which column to correct."""
    row = f" Row: `{invalid.error.key}`." if invalid.error.key else ""
    advice = (
        "Nothing has to be changed."
        if invalid.is_waiting
        else "Correct it in the database; this DAG follows within a minute."
    )
    return (
        f"# This {invalid.ref.kind} cannot run\n\n"
        f"**{_escaped(str(invalid.error))}**\n\n{row} {advice}\n"
    )


def definition_doc(definition: Schedule | Collection, windows: str) -> str:
    """Return the documentation of a DAG: workflow, instance, windows, parameters, query.

    :param windows: which windows the runs read, in words.
    """
    workflow = definition.workflow
    lines = [
        f"# {_escaped(definition.name)}",
        _escaped(definition.description or workflow.description or ""),
        *_warnings(workflow),
        f"- **Workflow** {_escaped(workflow.name)} (`{workflow.id}`)",
        f"- **Instance** {_escaped(workflow.instance_name)} (`{_escaped(workflow.instance_id)}`)",
        f"- **Window** {_escaped(windows)}",
        *_options(workflow.options),
        f"- **Row** `{definition.ref.id}` of `{definition.ref.kind.table}`. The query is in "
        "`workflows.sql_query`; the tab Code shows the program that builds all these DAGs",
        "\n## Parameters\n",
        *(_parameter_line(name, one) for name, one in sorted(definition.parameters.items())),
        "\n## Query\n",
        *_query(workflow.sql_query),
    ]
    return "\n".join(lines)


def _options(options: AmcOptions) -> Iterator[str]:
    """Yield the options that differ from AMC's defaults."""
    if options.privacy_filtering is not PrivacyFiltering.REMOVE_ROWS:
        yield "- **Privacy** `REMOVE_VALUES`: values of too few users are blanked"
    if options.counts_hidden_rows:
        yield "- **Hidden rows** are counted, by AMC's reason"
    if options.disable_aggregation_controls:
        yield "- **Aggregation controls** are disabled on a SANDBOX instance"


def _query(sql: str) -> Iterator[str]:
    """Yield a query as code; of a very long one its beginning."""
    yield _fenced(sql[:_SHOWN_QUERY_CHARS], "sql")
    if len(sql) > _SHOWN_QUERY_CHARS:
        yield f"The query goes on: it has {len(sql)} characters, see `workflows.sql_query`."


def _warnings(workflow: Workflow) -> Iterator[str]:
    """Yield the errors of the instance and the query. Equal rows give equal text."""
    if workflow.instance_error:
        yield (
            "**The instance is in ERROR: runs fail until somebody acts.** "
            f"{_escaped(workflow.instance_error)}\n"
        )
    if workflow.findings:
        yield "**AMC may refuse the query, or find other rows than you expect:**\n"
        yield from (f"- {_escaped(finding)}" for finding in workflow.findings)
        yield ""


def _parameter_line(name: str, parameter: Parameter) -> str:
    array = "ARRAY of " if parameter.is_array else ""
    words = shortened(parameter.description, _SHOWN_VALUE_CHARS)
    described = f": {_escaped(words)}" if words else ""
    value = shortened(str(parameter.value), _SHOWN_VALUE_CHARS)
    return f"- `{name}` {array}{parameter.type} = {_escaped(value)}{described}"


def _tags(*tags: str) -> list[str]:
    return sorted({shortened(tag, _MAX_TAG_CHARS) for tag in tags if tag})


def shortened(text: str, max_chars: int) -> str:
    """Return text as one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def _escaped(text: str) -> str:
    """Keep text from becoming HTML or Markdown in the UI."""
    return (
        html.escape(" ".join(text.split()), quote=False).replace("[", "&#91;").replace("`", "&#96;")
    )


def _fenced(text: str, language: str) -> str:
    """Show text as code, also text that contains fences."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.strip()}\n{fence}\n"
