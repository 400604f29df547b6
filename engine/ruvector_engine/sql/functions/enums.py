"""Functions of enums. Their answers depend on the type of what they are given, which `emit_special` knows."""

from __future__ import annotations

from ruvector_engine.sql.functions.definition import function
from ruvector_engine.sql.nodes import FunctionDef

#: Stands in place of a template: analysis makes a `Special` of kind "enum" of the call.
BY_TYPE = "enum"

FUNCTIONS: tuple[FunctionDef, ...] = (
    function("enum_first", "anyenum", "anyenum", BY_TYPE, strict=False),
    function("enum_last", "anyenum", "anyenum", BY_TYPE, strict=False),
    function("enum_range", "anyenum", "anyarray", BY_TYPE, strict=False),
    function("enum_range", "anyenum,anyenum", "anyarray", BY_TYPE, strict=False),
)
