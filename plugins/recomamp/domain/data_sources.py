"""The tables and columns that AMC offers, as the database keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from recomamp.domain.text import strip_unstorable
from recomamp.errors import UnexpectedResponse

UNKNOWN_TYPE = "UNKNOWN"  # of a column whose type Amazon does not say

# What a table is about, derived from its name; the first word that is found
_CATEGORIES = (
    ("conversion", "conversions"),
    ("attributed", "conversions"),
    ("click", "clicks"),
    ("impression", "impressions"),
    ("view", "views"),
    ("traffic", "traffic"),
    ("segment", "audiences"),
    ("audience", "audiences"),
)
_OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A column; what Amazon does not say is None."""

    name: str
    data_type: str | None = None
    column_type: str | None = None
    sensitivity: str | None = None
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSource:
    """A table. ``is_shared`` is False for what an advertiser has uploaded himself."""

    name: str
    is_shared: bool
    description: str | None
    fields: tuple[Field, ...]

    @property
    def display_name(self) -> str:
        """The name for people."""
        words = self.name.replace("_", " ").strip()
        return words[:1].upper() + words[1:]

    @property
    def category(self) -> str:
        """What the table is about."""
        name = self.name.lower()
        return next((category for word, category in _CATEGORIES if word in name), _OTHER)

    @property
    def table_type(self) -> str:
        """A table with something to add up is a fact table."""
        has_metric = any((field.column_type or "").upper() == "METRIC" for field in self.fields)
        return "fact" if has_metric else "dimension"


def read_data_source(described: Mapping[str, Any]) -> DataSource:
    """Read a table as AMC describes it.

    Only what Amazon says to be its own is shared: the names in an advertiser's upload are his, and
    where it is not said whose a table is, it may be one.

    :raises UnexpectedResponse: when the table or a column has no name.
    """
    origins = {str(described.get(key)).upper() for key in ("owner", "provider")}
    columns = described.get("columns") or []
    if not isinstance(columns, list) or not all(isinstance(one, Mapping) for one in columns):
        raise UnexpectedResponse("a data source was described without a list of columns")
    fields = {field.name: field for field in map(_field, columns)}
    return DataSource(
        name=_name(described, "dataSourceId"),
        is_shared=origins == {"AMAZON"},
        description=_text(described, "description"),
        fields=tuple(fields[name] for name in sorted(fields)),
    )


def fields_from(kept: Iterable[Mapping[str, Any]]) -> tuple[Field, ...]:
    """Read columns as the database keeps them."""
    return tuple(Field(**one) for one in kept)


def fields_to(source: DataSource) -> list[dict[str, Any]]:
    """Write columns as the database keeps them."""
    return [asdict(field) for field in source.fields]


def merge_sources(offers: Iterable[DataSource]) -> list[DataSource]:
    """Return one table for each name, with the columns of all offers.

    What one instance tells and another does not is taken over; where they contradict each other,
    the first has it, so that the same offers in the same order always give the same tables.
    """
    united: dict[str, DataSource] = {}
    for offer in offers:
        known = united.get(offer.name)
        united[offer.name] = _merge_fields(known, offer) if known else offer
    return [united[name] for name in sorted(united)]


def _merge_fields(first: DataSource, second: DataSource) -> DataSource:
    fields = {field.name: field for field in second.fields}
    for field in first.fields:
        other = fields.get(field.name)
        fields[field.name] = _filled(field, other) if other else field
    return DataSource(
        name=first.name,
        is_shared=first.is_shared and second.is_shared,
        description=first.description or second.description,
        fields=tuple(fields[name] for name in sorted(fields)),
    )


def _filled(field: Field, other: Field) -> Field:
    return Field(
        name=field.name,
        data_type=field.data_type or other.data_type,
        column_type=field.column_type or other.column_type,
        sensitivity=field.sensitivity or other.sensitivity,
        description=field.description or other.description,
    )


def _field(column: Mapping[str, Any]) -> Field:
    return Field(
        name=_name(column, "name"),
        data_type=_type_name(column.get("dataType")),
        column_type=_text(column, "columnType"),
        sensitivity=_text(column, "sensitivity"),
        description=_text(column, "description"),
    )


def _type_name(described: Any) -> str | None:
    """Read a type, which Amazon writes as a word or, for arrays, may write as an object."""
    if isinstance(described, Mapping):
        element = _type_name(described.get("elementDataType"))
        kind = _text(described, "type")
        return f"{kind}<{element}>" if kind and element else kind
    return described if isinstance(described, str) and described else None


def _name(described: Mapping[str, Any], key: str) -> str:
    name = _text(described, key)
    if name is None:
        raise UnexpectedResponse(f"a data source was described with a nameless part: no {key}")
    return name


def _text(described: Mapping[str, Any], key: str) -> str | None:
    value = described.get(key)
    if not isinstance(value, str):
        return None
    return strip_unstorable(value).strip() or None
