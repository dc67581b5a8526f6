"""Settings to and from plain values, for TOML, JSON and the command line.

cattrs does the conversion. It is loaded when the first values are read, so that `--help` does not need it. A number has
a range (`anonymize.text.ranges`), a word may have synonyms (`anonymize.text.words`), an unknown key is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from anonymize.errors import UsageError
from anonymize.kinds import Kind
from anonymize.text.ranges import brief, exact, is_number, shown
from anonymize.text.words import meant

if TYPE_CHECKING:
    from cattrs import Converter

_OWN = "own kinds"
"""`anonymize.settings.tables.OWN`, which stands above this file."""
LISTED = 10_000
"""The most entries of any list in settings."""

T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any], base: T | None = None, where: str = "") -> T:
    """Build `kind` (a settings class) from nested plain values, such as those of TOML.

    Args:
        kind: `Settings` or one of its parts.
        values: keys are field names; parts are nested mappings. Missing values are taken from `base`.
        base: the values to start from; the class's defaults if not given.
        where: dotted name of `values`, for messages.

    Raises:
        UsageError: an unknown key or an invalid value; the message gives its dotted name.
    """
    from cattrs.errors import BaseValidationError

    asked = _on_top(base, values)
    try:
        return _converter().structure(asked, kind)
    except BaseValidationError as error:
        raise UsageError(_first_problem(error, asked, where)) from error


def to_mapping(value: Any) -> Any:
    """`value` (settings or a part) as plain JSON values; `from_mapping` reads it back."""
    return _converter().unstructure(value)


def to_toml(value: Any) -> str:
    """`value` (settings) as TOML, without values that are None."""
    from tomli_w import dumps

    text = dumps(_without_none(to_mapping(value)))
    return re.sub(r",\n +", ", ", re.sub(r"(?<=\[)\n +|,\n *(?=\])", "", text))  # each list on one line


def leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The (dotted name, value) pairs of nested mappings; `above` is the prefix of the names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _on_top(base: Any, values: Any) -> Any:
    """`values`, completed from `base`, whose parts remain objects if `values` do not change them."""
    if not is_dataclass(base) or not isinstance(values, Mapping):
        return values
    held = {field.name: getattr(base, field.name) for field in fields(base)}
    values = _renamed(values, type(base))
    if own := _own(type(base)):
        held |= {kind.label: value for kind, value in held.pop(own)}
    return held | {key: _on_top(held.get(key), value) for key, value in values.items()}


def _renamed(values: Mapping[str, Any], hint: Any) -> Mapping[str, Any]:
    """`values` for the settings class `hint`, with its own names in the place of others. Raises `UsageError`."""
    for name, ours in hint.also().items() if hasattr(hint, "also") else ():
        above, _, last = name.partition(".")
        if isinstance(values.get(above), Mapping) and last in values[above]:
            if ours in values:
                raise UsageError(f"{name} and {ours} are one setting: leave one out")
            rest = {key: value for key, value in values[above].items() if key != last}
            values = {**values, above: rest, ours: values[above][last]}
    return values


def _own(hint: Any) -> str:
    """The field of the settings class `hint` that holds a user's own kinds; empty if it has none."""
    return next((field.name for field in fields(hint) if _OWN in field.metadata), "")


def _own_kind(key: str, hint: Any) -> Kind:
    """The user's own kind that a table of `hint` is about. Raises `UsageError` if it cannot be one."""
    try:
        kind = Kind.named(key)
    except ValueError:
        kind = Kind.AREA
    if not kind.own:
        known = sorted(field.name for field in fields(hint) if field.name != _own(hint))
        place = f"{hint.__name__.lower()}.{brief(key)}"
        raise UsageError(
            f"unknown setting {place!r}: {meant(brief(key), known)}, and kinds that a model of yours finds"
        )
    return kind


def _target(value: Any) -> Kind:
    """The kind called `value`, or more than one of it: `faces` is `face`."""
    return Kind.named(str(value).removesuffix("s"))


def _without_none(values: Any) -> Any:
    """`values` without None, which TOML does not have."""
    if isinstance(values, Mapping):
        return {key: _without_none(value) for key, value in values.items() if value is not None}
    return [_without_none(value) for value in values] if isinstance(values, list) else values


def _first_problem(error: Exception, value: Any, place: str) -> str:
    """The message for the first problem in `error`; `value` is what was read, `place` its dotted name."""
    from cattrs.errors import AttributeValidationNote, BaseValidationError, ForbiddenExtraKeysError

    while isinstance(error, BaseValidationError):
        unknown = [one for one in error.exceptions if isinstance(one, ForbiddenExtraKeysError)]
        error = (unknown or error.exceptions)[0]
        for note in getattr(error, "__notes__", ()):
            named = isinstance(note, AttributeValidationNote)
            step = note.name if named else note.index
            place = f"{place}.{step}".lstrip(".") if named else f"{place}[{step}]"
            if isinstance(error, KeyError):
                return f"{place} is missing"
            value = value[step]
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        key = next(key for key in value if key in error.extra_fields)
        known = sorted(field.name for field in fields(error.cl))
        return f"unknown setting {brief(f'{place}.{key}'.lstrip('.'))!r}: {meant(brief(key), known)}"
    return f"{place} = {shown(value)}: {error}"


@cache
def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.errors import BaseValidationError
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

    made = Converter(unstruct_collection_overrides={tuple: list, Set: sorted})
    entries = {tuple: made.get_structure_hook(tuple[str, ...]), frozenset: made.get_structure_hook(frozenset[str])}

    def table(hint: Any) -> Any:
        read = make_dict_structure_fn(hint, made, _cattrs_forbid_extra_keys=True)
        own = _own(hint)

        def structured(value: Any, _: Any) -> Any:
            return read(gathered(_renamed(_table(value, hint), hint)), hint)

        def gathered(values: Mapping[str, Any]) -> Mapping[str, Any]:
            """`values`, with those of a user's own kinds in the field for them."""
            if not own:
                return values
            known = {field.name: values[field.name] for field in fields(hint) if field.name in values}
            others = {key: value for key, value in values.items() if key not in known}
            usual = hint.__dataclass_fields__[own].metadata[_OWN]
            _, each = get_args(get_args(get_type_hints(hint, include_extras=True)[own])[0])
            found = []
            for key, value in sorted(others.items()):
                kind = _own_kind(key, hint)
                try:
                    found.append((kind, made.structure(_on_top(usual, value), each)))
                except (BaseValidationError, ValueError) as error:
                    raise UsageError(_first_problem(error, value, f"{hint.__name__.lower()}.{key}")) from error
            return known | {own: tuple(found)}

        return lambda value, _: value if isinstance(value, hint) else structured(value, _)

    def spread(hint: Any) -> Any:
        own, written = _own(hint), make_dict_unstructure_fn(hint, made)

        def plain(value: Any) -> Any:
            values = written(value)
            return {key: one for key, one in values.items() if key != own} | dict(values[own])

        return plain

    def ranged(hint: Any) -> Any:
        kind, allowed = get_args(hint)
        read = made.get_structure_hook(kind)
        return lambda value, _: allowed.check(read(value, kind))

    def origin(hint: Any) -> Any:
        return get_origin(hint)

    made.register_structure_hook_func(
        lambda hint: origin(hint) in entries, lambda value, hint: entries[origin(hint)](_entries(value, hint), hint)
    )
    made.register_structure_hook_func(lambda hint: origin(hint) is dict, _table)
    made.register_structure_hook_factory(is_dataclass, table)
    made.register_unstructure_hook_factory(lambda hint: is_dataclass(hint) and bool(_own(hint)), spread)
    made.register_structure_hook_factory(lambda hint: origin(hint) is Annotated, ranged)
    for kind, hook in ((int, _number), (float, _number), (bool, _bool), (str, _text)):
        made.register_structure_hook(kind, hook)
    made.register_structure_hook(Kind, lambda value, _: value if isinstance(value, Kind) else _target(value))
    made.register_structure_hook(Fraction, lambda value, _: value if isinstance(value, Fraction) else exact(value))
    made.register_unstructure_hook(Kind, lambda value: value.label)
    made.register_unstructure_hook(Fraction, str)
    return made


def _table(value: Any, _: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("expected a table")
    return dict(value)


def _entries(value: Any, hint: Any) -> list[Any]:
    """The entries of a list for a tuple or set of the type `hint`."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise ValueError("expected a list")
    items, wanted = list(value), get_args(hint)
    if len(items) > LISTED:
        raise ValueError(f"expected at most {LISTED} entries, got {len(items)}")
    if len(wanted) > 1 and wanted[-1] is not Ellipsis and len(wanted) != len(items):
        raise ValueError(f"expected {len(wanted)} values, got {len(items)}")
    return items


def _number(value: Any, kind: type[float]) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise ValueError("expected a number")
    if kind is int and value != int(value):
        raise ValueError("expected a whole number")
    return kind(value)


def _bool(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _text(value: Any, kind: type[str]) -> str:
    """A text, or a member of a text enumeration."""
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return kind(value)
