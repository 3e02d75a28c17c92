"""Findings about a query that its text and its parameters show, without the instance's tables.

AMC takes such a query and answers with other rows than its author expects, or with none. A finding
states a fact and a remedy, and stops nothing. ``schema_check`` finds the rest, from the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot.tokenizer_core import TokenType

from recomamp.domain.sql import binding
from recomamp.domain.sql.binding import WINDOW_NAMES
from recomamp.domain.sql.dialect import line_starts, place_of, tokenize
from recomamp.domain.sql.parameter_types import (
    MAX_PARAMETER_CHARS,
    ParameterType,
    infer_text,
    sent_chars,
    write_scalar,
)
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.sql.placeholders import Placeholder, PlaceholderKind, Template
from recomamp.domain.sql.template import read_template
from recomamp.domain.text import one_line

MAX_FINDINGS = 20  # of one query
MAX_FINDING_CHARS = 1_000

_WILDCARD = re.compile("[%_]")
_START_OF = {ParameterType.DATE: "start_date", ParameterType.TIMESTAMP: "time_window_start"}
_END_OF = {ParameterType.DATE: "end_date", ParameterType.TIMESTAMP: "time_window_end"}
# Names of a window's ends as people write them, without case and underscores
_WHOSE = "(?:p|param|(?:report|reporting)?(?:period)?|query|analysis|data|(?:time)?window)?"
_UNIT = "(?:date|day|dt|time|datetime|timestamp|ts)?(?:utc)?"
_START, _END = "(?:start|begin|beginning|from|since)", "(?:end|to|until|through|thru)"
_STARTS = re.compile(rf"{_WHOSE}{_START}{_UNIT}|date{_START}")
_ENDS = re.compile(rf"{_WHOSE}{_END}{_UNIT}|date{_END}")
# A day as text of another form, such as 07/01/2025 or 20250701
_DATE_LIKE = re.compile(
    r"(?:\d{4}(?P<mark>[-/.])\d{1,2}(?P=mark)\d{1,2}|\d{1,2}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{4})"
    r"(?:[T ].*)?|(?:19|20)\d{6}",
    re.ASCII,
)
# A name as other programs mark it within a text: <name>, [name], #name#, %name%, &name, $(name)
_MARKS = r"<\[#&%$@:~^|!=("
_MARKED = re.compile(
    rf"(?<![{_MARKS}])[{_MARKS}]++\s?(?P<name>[A-Za-z_]\w*+)[>\]#&%$~^|!)]*+", re.ASCII
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedQuery:
    """A query that can be bound, and what is found in it.

    ``east_findings`` hold where the window's days begin before those of UTC, ``west_findings``
    where they end after them.
    """

    window_names: frozenset[str] = frozenset()  # those that the query uses
    findings: tuple[str, ...] = ()
    east_findings: tuple[str, ...] = ()
    west_findings: tuple[str, ...] = ()

    def findings_in(self, zone: ZoneInfo) -> tuple[str, ...]:
        """Return what is found for days of that time zone."""
        offsets = {datetime(2025, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}
        known = [offset for offset in offsets if offset is not None]
        is_east = any(offset > timedelta(0) for offset in known)
        is_west = any(offset < timedelta(0) for offset in known)
        return (
            *self.findings,
            *(self.east_findings if is_east else ()),
            *(self.west_findings if is_west else ()),
        )


def check_and_lint(sql: str, parameters: Mapping[str, Parameter]) -> CheckedQuery:
    """Check that the query can be bound to these parameters, and find where AMC may surprise.

    :raises InvalidDefinition: naming the parameter, the line and the column.
    """
    window_names = binding.check(sql, parameters)
    template = read_template(sql)
    return CheckedQuery(
        window_names=window_names,
        findings=_first(_findings(sql, template, parameters)),
        east_findings=_first(_days_against_utc(template, "start_date")),
        west_findings=_first(_days_against_utc(template, "end_date")),
    )


def _first(findings: Iterator[str]) -> tuple[str, ...]:
    # A name may be as long as the query. Findings lie in snapshots and in the DAG's text
    return tuple(dict.fromkeys(one_line(one, MAX_FINDING_CHARS) for one in findings))[:MAX_FINDINGS]


def _findings(sql: str, template: Template, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    yield from _fixed_windows(template, parameters)
    yield from _patterns_without_wildcard(template, parameters)
    yield from _long_arrays(template, parameters)
    for one in template.foreign:
        if one.is_certain:
            yield (
                f"{one.text} at {one.place} is sent as text; declare the parameter {one.name} "
                f"and write {{{{{one.name}}}}}"
            )
    for place in template.odd_comments:
        yield f"{{# at {place} does not begin a comment for AMC; write /* … */"
    yield from _names_as_text(sql, template, parameters)


def _names_as_text(
    sql: str, template: Template, parameters: Mapping[str, Parameter]
) -> Iterator[str]:
    """Yield the parameters that no placeholder names, and that a text names between marks."""
    unused = parameters.keys() - {name for slot in template.slots for name in slot.names}
    starts = line_starts(sql) if unused else []
    for token in tokenize(sql) if unused else ():
        if token.token_type is not TokenType.STRING:
            continue
        for found in _MARKED.finditer(sql, token.start, token.end):
            if found["name"] in unused:
                yield (
                    f"no placeholder names the parameter {found['name']}, and {found[0]} at "
                    f"{place_of(starts, found.start())} is sent as text; "
                    f"write {{{{{found['name']}}}}} for its value"
                )


def _fixed_windows(template: Template, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Yield the parameters that are called like an end of the window and never change."""
    for slot in template.slots:
        for name in slot.names:
            value = parameters[name].value if name in parameters else None
            if name in WINDOW_NAMES or value is None or isinstance(value, tuple):
                continue
            text = write_scalar(value)
            if end := _window_end(name, text):
                yield (
                    f"parameter {name} at {slot.place} is {_shown(text)} at "
                    f"every run, in every window; write {{{{{end}}}}} for the window's own"
                )


def _window_end(name: str, value: str) -> str:
    """Return the window's name that a parameter with a fixed date is called like."""
    folded, text = name.replace("_", "").lower(), value.strip()
    kind = infer_text(text)
    if kind is ParameterType.STRING and _DATE_LIKE.fullmatch(text):
        kind = ParameterType.DATE
    for names, ends in ((_STARTS, _START_OF), (_ENDS, _END_OF)):
        if names.fullmatch(folded):
            return ends.get(kind, "")
    return ""


def _patterns_without_wildcard(
    template: Template, parameters: Mapping[str, Parameter]
) -> Iterator[str]:
    for text, place in template.fixed_patterns:
        yield (
            f"LIKE {_shown(text)} at {place} has neither % nor _, so it finds that text alone; "
            "write % where other text may stand, or = for equal text"
        )
    for slot in template.slots:
        if slot.pattern and not slot.pattern.escape and _finds_one_text(slot, parameters):
            name = slot.names[0]
            yield (
                f"the pattern at {slot.place} has neither % nor _ with the value of {name}, so it "
                f"finds that text alone; write LIKE '%{{{{{name}}}}}%' to look for it in others"
            )


def _finds_one_text(slot: Placeholder, parameters: Mapping[str, Parameter]) -> bool:
    """Return whether no wildcard is in effect in a pattern that is this slot alone."""
    pattern = slot.pattern
    if pattern is None or not pattern.is_one_value or slot.kind is PlaceholderKind.ESCAPE:
        return False
    if slot.template:  # the wildcards of its values count as text
        return not _WILDCARD.search(slot.fixed_text)
    value = parameters[slot.names[0]].value if slot.names[0] in parameters else None
    return isinstance(value, str) and not _WILDCARD.search(value)


def _long_arrays(template: Template, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    for slot in template.slots:
        parameter = parameters.get(slot.names[0]) if slot.names else None
        if (
            slot.kind is PlaceholderKind.PARAMETER
            and parameter
            and isinstance(parameter.value, tuple)
        ):
            chars = sent_chars([write_scalar(element) for element in parameter.value])
            if chars > MAX_PARAMETER_CHARS:
                yield (
                    f"parameter {parameter.name} at {slot.place} has {chars} characters, and AMC "
                    f"is said to refuse more than {MAX_PARAMETER_CHARS}; "
                    f"{long_array_remedy(parameter.name)}"
                )


def long_array_remedy(name: str) -> str:
    """Return how a list of any length can be written."""
    return f"write a list such as x IN ({{{{{name}}}}}), which travels as literals"


def remedy_for_long_values(values: Mapping[str, str | list[str]]) -> str:
    """Return what to write where AMC refuses values that were sent; empty where none is long."""
    long = (name for name in sorted(values) if sent_chars(values[name]) > MAX_PARAMETER_CHARS)
    most = MAX_PARAMETER_CHARS
    return "; ".join(
        f"parameter {name} has more than {most} characters: {long_array_remedy(name)}"
        for name in long
    )


def _days_against_utc(template: Template, name: str) -> Iterator[str]:
    """Yield where a day of the window bounds a column whose days are UTC's."""
    for slot in template.slots:
        is_bound = slot.starts_day if name == "start_date" else slot.ends_day
        if is_bound and slot.column.endswith("_utc") and name in slot.names:
            yield (
                f"{slot.column} is in UTC, and {{{{{name}}}}} at {slot.place} is a day of another "
                "time zone, so hours at that end of the window are left out; drop the condition, "
                "for AMC applies the window itself, or compare a timestamp with "
                "{{time_window_start}} and {{time_window_end}}"
            )


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
