"""Values read from text and written as text, for every type: the one list of families, and the functions over it.

`parser` and `formatter` give functions to keep (COPY and the wire call them a million times); `parse_text` and
`format_text` are for single values.
"""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import (
    aclitems,
    arrays,
    bits,
    composites,
    datetimes,
    enums,
    halfvecs,
    intervals,
    jsons,
    macaddrs,
    networks,
    numbers,
    numeric,
    ranges,
    registry,
    sparsevecs,
    strings,
    textsearch,
    timetzs,
    vectors,
)
from ruvector_engine.types.registry import CompositeType, EnumType, PgType, TypeRef, UserOid, Value
from ruvector_engine.types.textio import (
    DEFAULT_SETTINGS,
    Formatter,
    InputContext,
    Parser,
    Settings,
    TextType,
    plain,
)

__all__ = ["DEFAULT_SETTINGS", "Settings", "apply_typmod", "format_text", "formatter", "parse_text", "parser"]


def _refuse_record(_text: str) -> Value:
    raise SqlError("0A000", "input of anonymous composite types is not implemented")


_SCALARS: dict[int, TextType] = {
    **numbers.TEXT_TYPES,
    **numeric.TEXT_TYPES,
    **strings.TEXT_TYPES,
    **bits.TEXT_TYPES,
    **macaddrs.TEXT_TYPES,
    **aclitems.TEXT_TYPES,
    **textsearch.TEXT_TYPES,
    **networks.TEXT_TYPES,
    **datetimes.TEXT_TYPES,
    **timetzs.TEXT_TYPES,
    **intervals.TEXT_TYPES,
    **jsons.TEXT_TYPES,
    **vectors.TEXT_TYPES,
    **halfvecs.TEXT_TYPES,
    **sparsevecs.TEXT_TYPES,
    registry.RECORD: plain(_refuse_record, str),
    registry.CSTRING: plain(str, str),
    registry.VOID: plain(lambda _text: "", lambda _value: ""),
}
_BLANK_SEPARATED = ("int2vector", "oidvector")


def _all_types() -> dict[int, TextType]:
    types = dict(_SCALARS)
    for pg_range in registry.RANGES:
        types[pg_range.oid] = ranges.text_type(
            pg_range, lambda t, c: parser(t, c.settings, c.now), lambda t, settings: formatter(t, settings)
        )
    for name in _BLANK_SEPARATED:
        pg_type = registry.BY_NAME[name]
        types[pg_type.oid] = arrays.vector_type(_SCALARS[pg_type.element_oid])
    for pg_type in registry.ALL_TYPES:
        if pg_type.element_oid and pg_type.oid not in types:
            types[pg_type.oid] = arrays.array_type(types[pg_type.element_oid])
    return types


_TYPES = _all_types()


def _type(oid: int) -> TextType:
    return _user_type(oid.pg) if isinstance(oid, UserOid) else _TYPES[oid]


def _user_type(pg: PgType) -> TextType:
    if isinstance(pg, EnumType):
        return enums.text_type(pg)
    if isinstance(pg, CompositeType):
        return composites.text_type(pg.attributes, lambda t, c: parser(t, c.settings, c.now), formatter)
    return arrays.array_type(_type(pg.element_oid))


def parser(type_ref: TypeRef, settings: Settings = DEFAULT_SETTINGS, now: int | None = None) -> Parser:
    """A function from text to value, as the type's input function with the modifier works.

    It raises SqlError: 22P02 and 22007 for malformed text, 22003 and 22008 for values out of range, 22001 for strings
    longer than the modifier allows. `now`: see InputContext.
    """
    text_type = _type(type_ref.oid)
    parse = text_type.parser(InputContext(settings, now, type_ref.typmod))
    apply = text_type.apply_typmod
    if apply is None or type_ref.typmod < 0:
        return parse
    typmod = type_ref.typmod
    return lambda text: apply(parse(text), typmod, False)


def formatter(type_ref: TypeRef, settings: Settings = DEFAULT_SETTINGS) -> Formatter:
    """A function from a value (never NULL) to its text."""
    return _type(type_ref.oid).formatter(settings)


def parse_text(type_ref: TypeRef, text: str, settings: Settings = DEFAULT_SETTINGS, now: int | None = None) -> Value:
    """The value a literal of that type stands for; see `parser`."""
    return parser(type_ref, settings, now)(text)


def format_text(type_ref: TypeRef, value: Value, settings: Settings = DEFAULT_SETTINGS) -> str:
    """The text of a value that is not NULL."""
    return _type(type_ref.oid).formatter(settings)(value)


def apply_typmod(type_ref: TypeRef, value: Value, *, explicit: bool = False) -> Value:
    """The value made to fit the type's modifier: rounded, padded, or (when a cast asks explicitly) cut.

    NULL and types without modifiers pass. SqlError where it does not fit: 22001, 22003, 22000 for dimensions.
    """
    apply = _type(type_ref.oid).apply_typmod
    if value is None or apply is None or type_ref.typmod < 0:
        return value
    return apply(value, type_ref.typmod, explicit)
