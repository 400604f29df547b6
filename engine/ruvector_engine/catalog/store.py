"""The catalogs' home: reads them at the start, and writes what DDL changes, in its transaction."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ruvector_engine.catalog import authority_store, entries, entry_copies, formats, made_types
from ruvector_engine.catalog.cluster import CLUSTER, is_shared
from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.model import (
    Catalog,
    ColumnDef,
    ConstraintDef,
    IndexDef,
    IndexExpression,
    Relation,
    SequenceDef,
    TableDef,
    Use,
    ViewDef,
)
from ruvector_engine.catalog.roles import DEFAULT_SUPERUSER, Authority
from ruvector_engine.catalog.system import SYSTEM_VIEWS
from ruvector_engine.relational.duck import Connection
from ruvector_engine.types.registry import TypeRef

#: OIDs below belong to PostgreSQL's own objects, and to the types of the registry.
FIRST_OID = 16500
#: The numbers below belong to the transactions in which PostgreSQL would have made its catalogs.
FIRST_TRANSACTION = 750

_BOOTSTRAP = (
    "CREATE SCHEMA IF NOT EXISTS ruvector_catalog",
    "CREATE TABLE IF NOT EXISTS ruvector_catalog.entries (database BIGINT, key VARCHAR, kind VARCHAR, body VARCHAR)",
    f"CREATE SEQUENCE IF NOT EXISTS ruvector_catalog.oids START {FIRST_OID}",
    "CREATE SEQUENCE IF NOT EXISTS ruvector_rid START 1",
    f"CREATE SEQUENCE IF NOT EXISTS ruvector_catalog.transactions START {FIRST_TRANSACTION}",
)
_KINDS: dict[str, type[Relation]] = {"table": TableDef, "index": IndexDef, "sequence": SequenceDef, "view": ViewDef}
_KIND_NAMES = {cls: kind for kind, cls in _KINDS.items()}


def bootstrap(connection: Connection, superuser: str = DEFAULT_SUPERUSER) -> list[Catalog]:
    """The catalogs of a file's databases, which a new file is given first; an old one is brought to the current format.

    `superuser` is the name of the first role of a new file.
    """
    for statement in _BOOTSTRAP:
        connection.run(statement)
    formats.bring_up_to_date(connection)
    authority_store.make_missing_roles(connection, superuser)
    shared = entries.read(connection, CLUSTER)
    databases = [int(key.split(":")[1]) for key, kind, _ in shared if kind == "database"]
    return [_read(shared + entries.read(connection, database), database) for database in databases]


def _read(rows: list[entries.Entry], database: int) -> Catalog:
    """The catalog of a database by its entries and those of the cluster."""
    types = made_types.decode(rows)
    relations: dict[tuple[str, str], Relation] = {}
    for _, kind, body in rows:
        if kind in _KINDS:
            relation = _decode(_KINDS[kind], json.loads(body))
            relations[(relation.schema, relation.name)] = relation
    return Catalog(
        1,
        made_types.bound(relations, types),
        frozenset(body for _, kind, body in rows if kind == "schema"),
        frozenset(body for _, kind, body in rows if kind == "extension"),
        _system(),
        MappingProxyType({_comment_key(key): body for key, kind, body in rows if kind == "comment"}),
        authority_store.read(rows, database),
        MappingProxyType({(t.schema, t.name): t for t in types}),
    )


def copied_database(connection: Connection, source: int, database: int) -> tuple[Catalog, Mapping[int, int]]:
    """The catalog of a new database, written, with what another has in it; and which OIDs became which.

    The cluster's entries know of the database already.
    """
    stored = entries.read(connection, source)
    moved = entry_copies.moved_oids(stored, FIRST_OID, lambda: new_oid(connection))
    for entry in stored:
        entries.put(connection, database, *entry_copies.copied(entry, moved))
    return _read(entries.read(connection, CLUSTER) + entries.read(connection, database), database), moved


def forget_database(connection: Connection, database: int) -> None:
    """Delete all that is in the catalog of a database."""
    entries.remove_all(connection, database)


def _system() -> Mapping[tuple[str, str], TableDef]:
    return MappingProxyType({name: view.table for name, view in SYSTEM_VIEWS.items()})


def new_oid(connection: Connection) -> int:
    """An OID that was never used before."""
    return int(connection.run("SELECT nextval('ruvector_catalog.oids')")[0][0])


def next_transaction_number(connection: Connection) -> int:
    """One more transaction's number."""
    return int(connection.run("SELECT nextval('ruvector_catalog.transactions')")[0][0])


def changed(
    connection: Connection,
    catalog: Catalog,
    *,
    put: Iterable[Relation] = (),
    drop: Iterable[Relation] = (),
    schemas: frozenset[str] | None = None,
    extensions: frozenset[str] | None = None,
    comments: Mapping[tuple[int, int, int], str] | None = None,
    authority: Authority | None = None,
    put_types: Iterable[MadeType] = (),
    drop_types: Iterable[MadeType] = (),
) -> Catalog:
    """The catalog after a change, which is written in the connection's open transaction."""
    relations = dict(catalog.relations)
    dropped = set()
    for relation in drop:
        relations.pop((relation.schema, relation.name), None)
        entries.remove(connection, catalog.database, f"oid:{relation.oid}")
        dropped.add(relation.oid)
    for relation in put:
        for key in [k for k, r in relations.items() if r.oid == relation.oid]:
            del relations[key]
        relations[(relation.schema, relation.name)] = relation
        kind, body = _KIND_NAMES[type(relation)], json.dumps(_encode(relation))
        entries.put(connection, catalog.database, f"oid:{relation.oid}", kind, body)
    types, changed_types = dict(catalog.types), list(put_types)
    for made in drop_types:
        types.pop((made.schema, made.name), None)
        entries.remove(connection, catalog.database, f"oid:{made.oid}")
        dropped.add(made.oid)
    for made in changed_types:
        types = {key: t for key, t in types.items() if t.oid != made.oid} | {(made.schema, made.name): made}
        kind, body = made_types.KINDS[type(made)], json.dumps(_encode(made))
        entries.put(connection, catalog.database, f"oid:{made.oid}", kind, body)
    if changed_types:
        before = types
        types = {(t.schema, t.name): t for t in made_types.bound_types(types.values(), changed_types)}
        changed_types += [made for key, made in types.items() if made is not before.get(key)]
    for kind, old, new in (
        ("schema", catalog.schemas, schemas),
        ("extension", catalog.extensions, extensions),
    ):
        for name in (old - new) if new is not None else ():
            entries.remove(connection, catalog.database, f"{kind}:{name}")
        for name in (new - old) if new is not None else ():
            entries.put(connection, catalog.database, f"{kind}:{name}", kind, name)
    return Catalog(
        catalog.version + 1,
        made_types.bound(relations, changed_types),
        catalog.schemas if schemas is None else schemas,
        catalog.extensions if extensions is None else extensions,
        catalog.system,
        _comments(connection, catalog, catalog.comments if comments is None else comments, dropped),
        authority_store.write(connection, catalog.authority, authority or catalog.authority, dropped),
        MappingProxyType(types),
    )


def _comments(
    connection: Connection, catalog: Catalog, new: Mapping[tuple[int, int, int], str], dropped: set[int]
) -> Mapping[tuple[int, int, int], str]:
    """The comments after a change, written; those on dropped relations go with them."""
    kept = {key: text for key, text in new.items() if key[1] not in dropped}
    for key in catalog.comments.keys() - kept.keys():
        entries.remove(connection, CLUSTER if is_shared(key[0]) else catalog.database, _comment_name(key))
    for key, text in kept.items():
        if catalog.comments.get(key) != text:
            place = CLUSTER if is_shared(key[0]) else catalog.database
            entries.put(connection, place, _comment_name(key), "comment", text)
    return MappingProxyType(kept)


def _comment_name(key: tuple[int, int, int]) -> str:
    return f"comment:{':'.join(map(str, key))}"


def _comment_key(name: str) -> tuple[int, int, int]:
    classoid, objoid, objsubid = map(int, name.split(":")[1:])
    return classoid, objoid, objsubid


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if isinstance(value, (dict, MappingProxyType)):
        return dict(value)
    return value


def _index_expression(body: dict[str, Any]) -> IndexExpression:
    return IndexExpression(body["text"], TypeRef(**body["type"]), body["shown"], body["pretty"])


def _decode(cls: type[Relation], body: dict[str, Any]) -> Relation:
    fields = dict(body)
    if "columns" in fields and cls is not IndexDef:
        fields["columns"] = tuple(ColumnDef(**{**c, "type": TypeRef(**c["type"])}) for c in fields["columns"])
    elif cls is IndexDef:
        fields["columns"] = tuple(fields["columns"])
        fields["opclasses"] = tuple(fields["opclasses"])
        fields["options"] = MappingProxyType(fields["options"])
        keys = fields.get("expressions", ())
        fields["expressions"] = tuple(k and _index_expression(k) for k in keys)
        fields["predicate"] = fields.get("predicate") and _index_expression(fields["predicate"])
        fields["reads"] = tuple(fields.get("reads", ()))
        fields["orders"] = tuple(fields.get("orders", ()))
    if cls is ViewDef:
        fields["uses"] = tuple(Use(use["oid"], tuple(use["attnums"])) for use in fields.get("uses", ()))
        fields["options"] = tuple((name, value) for name, value in fields.get("options", ()))
    if "constraints" in fields:
        fields["constraints"] = tuple(
            ConstraintDef(**{**c, "columns": tuple(c["columns"])}) for c in fields["constraints"]
        )
    return cls(**fields)
