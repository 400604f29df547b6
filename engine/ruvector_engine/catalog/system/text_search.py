"""The text search catalogs: the parser, the templates, dictionaries and configurations that there are."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.oids import OWNER, namespace_oid
from ruvector_engine.catalog.system.relations import pg_catalog
from ruvector_engine.text_search.dictionaries import CONFIGURATIONS, DICTIONARY_NAMES, dictionary_of
from ruvector_engine.text_search.tokens import KINDS

#: The one parser, and the templates of the dictionaries; the latter's second OID is not the same in all releases.
_PARSER = 3722
_TEMPLATES = {"simple": 3727, "snowball": 13_233}
_DICTIONARIES = {
    "simple": ("simple", None),
    "english_stem": ("snowball", "language = 'english', stopwords = 'english'"),
}
_SIMPLE = "simple dictionary: just lower case and check for stopword"
#: What obj_description() says of them, by catalog and OID.
DESCRIPTIONS = {
    ("pg_ts_parser", _PARSER): "default word parser",
    ("pg_ts_template", _TEMPLATES["simple"]): _SIMPLE,
    ("pg_ts_template", _TEMPLATES["snowball"]): "snowball stemmer",
    ("pg_ts_config", CONFIGURATIONS["simple"]): "simple configuration",
    ("pg_ts_config", CONFIGURATIONS["english"]): "configuration for english language",
} | {
    ("pg_ts_dict", oid): _SIMPLE if name == "simple" else "snowball stemmer for english language"
    for oid, name in DICTIONARY_NAMES.items()
}
_NAMESPACE = namespace_oid("pg_catalog")


def parser_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_ts_parser. Its functions are not SQL's here."""
    row = pg_catalog("pg_ts_parser").row
    functions = dict.fromkeys(("prsstart", "prstoken", "prsend", "prsheadline", "prslextype"), 0)
    return [row(oid=_PARSER, prsname="default", prsnamespace=_NAMESPACE, **functions)]


def template_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_ts_template."""
    row = pg_catalog("pg_ts_template").row
    return [
        row(oid=oid, tmplname=name, tmplnamespace=_NAMESPACE, tmplinit=0, tmpllexize=0)
        for name, oid in _TEMPLATES.items()
    ]


def dictionary_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_ts_dict."""
    row = pg_catalog("pg_ts_dict").row
    return [
        row(
            oid=oid,
            dictname=name,
            dictnamespace=_NAMESPACE,
            dictowner=OWNER,
            dicttemplate=_TEMPLATES[_DICTIONARIES[name][0]],
            dictinitoption=_DICTIONARIES[name][1],
        )
        for oid, name in DICTIONARY_NAMES.items()
    ]


def configuration_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_ts_config."""
    row = pg_catalog("pg_ts_config").row
    return [
        row(oid=oid, cfgname=name, cfgnamespace=_NAMESPACE, cfgowner=OWNER, cfgparser=_PARSER)
        for name, oid in CONFIGURATIONS.items()
    ]


def mapping_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_ts_config_map: the dictionary of each kind of token that is not left out."""
    row = pg_catalog("pg_ts_config_map").row
    numbers = {name: oid for oid, name in DICTIONARY_NAMES.items()}
    return [
        row(mapcfg=oid, maptokentype=kind, mapseqno=1, mapdict=numbers[dictionary])
        for name, oid in CONFIGURATIONS.items()
        for kind in KINDS
        if (dictionary := dictionary_of(name, kind)) is not None
    ]


def _is_visible(lookup: Lookup, known: bool) -> bool | None:
    return "pg_catalog" in lookup.search_path if known else None


def pg_ts_config_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a configuration finds it."""
    return _is_visible(lookup, oid in CONFIGURATIONS.values())


def pg_ts_dict_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a dictionary finds it."""
    return _is_visible(lookup, oid in DICTIONARY_NAMES)


def pg_ts_parser_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a parser finds it."""
    return _is_visible(lookup, oid == _PARSER)


def pg_ts_template_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a template finds it."""
    return _is_visible(lookup, oid in _TEMPLATES.values())


VISIBLE = (pg_ts_config_is_visible, pg_ts_dict_is_visible, pg_ts_parser_is_visible, pg_ts_template_is_visible)
ROWS = {
    "pg_ts_parser": parser_rows,
    "pg_ts_template": template_rows,
    "pg_ts_dict": dictionary_rows,
    "pg_ts_config": configuration_rows,
    "pg_ts_config_map": mapping_rows,
}
