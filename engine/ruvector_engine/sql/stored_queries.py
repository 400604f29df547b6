"""The names in the queries of views: settled when a view is made, and made to follow what they mean.

In a stored query relations stand with their schemas, columns with their relations where there are several, stars and
NATURAL are written out: nothing in it hangs on a search path, or on columns that come later. What PostgreSQL shows of
a view after a rename (ruleutils.c) is what `settle_query` writes: relations and columns by their new names, outputs by
those that they had, with lists of columns where USING needs the former ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ruvector_engine.catalog.model import Catalog, IndexDef, Relation, TableDef, ViewDef
from ruvector_engine.sql.deparse import parts, write_name
from ruvector_engine.sql.nodes import ColumnRef, Const, Expr, RangeEntry, Special
from ruvector_engine.sql.noted import ColumnNamed, ColumnsMerged, Noted, OutputNamed, RelationNamed, StarNamed
from ruvector_engine.sql.raw import kind_of, pb, strings
from ruvector_engine.sql.scope import Relation as Range
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.stored_names import settle_types
from ruvector_engine.sql.targets import output_name

_T = TypeVar("_T")


def settle_query(tree: Any, noted: Sequence[Noted], constants: Iterable[Const], catalog: Catalog) -> None:
    """Write the names in a query as the catalog has them; `constants` are the typed ones of its own text."""
    before = [(target, target.name or output_name(target.val)) for target in _outputs(tree)]
    writer = _Writer(tree, noted, catalog)
    writer.write()
    settle_types(tree, noted, constants, catalog)
    for target, name in before:
        _name_output(target, name)
    for star in _of(StarNamed, noted):
        writer.expand(star)


def name_outputs(tree: Any, noted: Sequence[Noted], names: Sequence[str]) -> None:
    """Give the outputs of a settled query these names; what orders by the former ones orders by place."""
    first, *others = _leaves(tree.select_stmt)
    if first.values_lists:
        if list(names) != [f"column{i}" for i in range(1, len(names) + 1)]:
            _select_from_values(first, names)
        return
    targets = [node.res_target for node in first.target_list]
    if any(_is_star(target.val) for target in targets):
        return  # the names are those of the view's columns
    changed = [target.name or output_name(target.val) for target in targets] != list(names)
    for leaf in (first, *others):
        for node, name in zip(leaf.target_list, names, strict=not leaf.values_lists):
            _name_output(node.res_target, name)
    for output in _of(OutputNamed, noted) if changed else ():
        output.node.a_const.ival.ival = output.place


def _name_output(target: Any, name: str) -> None:
    """Call an output so, where a column's own name does not do that already."""
    is_column = target.val.WhichOneof("node") == "column_ref"
    target.name = "" if is_column and output_name(target.val) == name else name


def _leaves(select: Any) -> list[Any]:
    """The queries that a set operation is made of, from left to right; the query itself where it is none."""
    if select.op == pb.SETOP_NONE:
        return [select]
    return [*_leaves(select.larg), *_leaves(select.rarg)]


def _select_from_values(leaf: Any, names: Sequence[str]) -> None:
    """VALUES ... as SELECT column1 AS name, ... FROM (VALUES ...)."""
    inner = pb.SelectStmt(values_lists=list(leaf.values_lists), limit_option=pb.LIMIT_OPTION_DEFAULT, op=pb.SETOP_NONE)
    del leaf.values_lists[:]
    source = leaf.from_clause.add().range_subselect
    source.subquery.select_stmt.CopyFrom(inner)
    source.alias.aliasname = "*VALUES*"
    for place, name in enumerate(names, 1):
        target = leaf.target_list.add().res_target
        target.name = name
        write_name(target.val.column_ref.fields, ("*VALUES*", f"column{place}"))


def _of(kind: type[_T], noted: Iterable[object]) -> Iterator[_T]:
    return (item for item in noted if isinstance(item, kind))


def _outputs(tree: Any) -> list[Any]:
    """The outputs of every SELECT in a tree, without stars."""
    targets = [node.res_target for select in parts(tree, pb.SelectStmt) for node in select.target_list]
    return [target for target in targets if not _is_star(target.val)]


def _is_star(node: Any) -> bool:
    kind, message = kind_of(node)
    if kind == "column_ref":
        return bool(message.fields[-1].WhichOneof("node") == "a_star")
    return bool(kind == "a_indirection" and message.indirection[-1].WhichOneof("node") == "a_star")


class _Writer:
    """Writes the names of one tree."""

    def __init__(self, tree: Any, noted: Sequence[Noted], catalog: Catalog) -> None:
        self._tree, self._noted = tree, noted
        self._now: dict[int, Relation] = {r.oid: r for r in catalog.relations.values()}
        self._named = {item.entry: item for item in _of(RelationNamed, noted)}
        self._listed: set[RangeEntry] = set()  # those that get a list of their columns' names
        self._called: dict[RangeEntry, str] = {}  # what they are called, who have no alias, where that changes

    def write(self) -> None:
        """Change the tree, but for stars."""
        for join in _of(ColumnsMerged, self._noted):
            self._merge(join)
        self._choose_names()
        for column in _of(ColumnNamed, self._noted):
            self._write_column(column)
        for relation in self._named.values():
            self._write_relation(relation)
        for output in _of(OutputNamed, self._noted):
            if output.clause == "GROUP BY":  # where an input column of that name would go before
                output.node.a_const.ival.ival = output.place

    # ---------------------------------------------------------------- relations

    def _merge(self, join: ColumnsMerged) -> None:
        """Write USING. Where a merged column has another name now, its relation has to give it the one that it had."""
        for place, side in enumerate(join.sides):
            if isinstance(side, ColumnRef) and self._current_name(side) not in (None, join.names[place // 2]):
                self._listed.add(side.range)
        join.node.is_natural = False
        write_name(join.node.using_clause, join.names)

    def _choose_names(self) -> None:
        """Relations without an alias go by their new name, unless something else does: then they keep the old one."""
        taken = {cte.ctename for cte in parts(self._tree, pb.CommonTableExpr)}
        taken |= {alias.aliasname for alias in parts(self._tree, pb.Alias)}
        locking = bool(parts(self._tree, pb.LockingClause))
        bare = [item for item in self._named.values() if not item.node.alias.aliasname]
        for item in bare:
            old, new = item.relation.name, self._current(item.relation).name
            others = {self._current(o.relation).name for o in bare if o.relation.oid != item.relation.oid}
            if old != new and (locking or new in taken or new in others):
                item.node.alias.aliasname = old
            elif old != new:
                self._called[item.entry] = new

    def _write_relation(self, item: RelationNamed) -> None:
        old, new, node = item.relation, self._current(item.relation), item.node
        assert not isinstance(new, IndexDef)
        node.schemaname, node.relname = new.schema, new.name
        if isinstance(old, (TableDef, ViewDef)) and (item.entry in self._listed or node.alias.colnames):
            names = dict(zip((c.attnum for c in old.columns), strings(node.alias.colnames), strict=False))
            if item.entry in self._listed:
                names = {c.attnum: c.name for c in old.columns} | names
            if not node.alias.aliasname:
                node.alias.aliasname = self._called.get(item.entry, old.name)
            columns = new.columns if isinstance(new, (TableDef, ViewDef)) else ()
            write_name(node.alias.colnames, [names[c.attnum] for c in columns if c.attnum in names])

    def _current(self, relation: Relation) -> Relation:
        """The relation as it is now; the system's own are always the same."""
        return self._now.get(relation.oid, relation)

    # ---------------------------------------------------------------- columns

    def _current_name(self, column: ColumnRef) -> str | None:
        """The name that a relation's column has now; None for what is no relation's, or goes by a name of an alias."""
        item = self._named.get(column.range)
        if item is None or column.index < len(item.node.alias.colnames) or item.entry in self._listed:
            return None
        old, new = item.relation, self._current(item.relation)
        if not isinstance(old, (TableDef, ViewDef)) or not isinstance(new, (TableDef, ViewDef)) or column.index < 0:
            return None
        number = old.columns[column.index].attnum
        return next((c.name for c in new.columns if c.attnum == number), None)

    def _write_column(self, item: ColumnNamed) -> None:
        fields, scope = item.node.fields, item.scope
        names = [field.string.sval for field in fields if field.WhichOneof("node") == "string"]
        owner = _range_of(scope, item.meant)
        if len(names) < len(fields) or owner is None or names[-1] not in (name for name, _ in owner.columns):
            self._write_row(item, names)
            return
        name = self._name_of(item.meant, names[-1])
        # An output of that name would go before the column in ORDER BY.
        clashes = name != names[-1] and item.clause in ("ORDER BY", "DISTINCT ON") and name in self._output_names()
        if len(names) == 1 and _is_alone(scope) and not clashes:
            write_name(fields, (name,))
        else:
            write_name(fields, (*(self._qualifier(scope, owner) or names[:-1]), name))

    def _output_names(self) -> set[str]:
        return {target.name or output_name(target.val) for target in _outputs(self._tree)}

    def _name_of(self, meant: Expr, name: str) -> str:
        """The name now of a column that was called `name`."""
        if not isinstance(meant, ColumnRef):
            return name
        item = self._named.get(meant.range)
        columns = item.relation.columns if item is not None and isinstance(item.relation, (TableDef, ViewDef)) else ()
        is_its_own = 0 <= meant.index < len(columns) and columns[meant.index].name == name
        return (self._current_name(meant) if is_its_own else None) or name

    def _write_row(self, item: ColumnNamed, names: Sequence[str]) -> None:
        """A whole row goes by what its relation is called; a column that a join merged, or a function's, is left."""
        owner = _range_called(item.scope, names[-1]) if names else None
        fields, meant = item.node.fields, item.meant
        star = len(names) < len(fields)
        if owner is None or not (star or (isinstance(meant, Special) and meant.kind == "row")):
            return
        write_name(fields, self._qualifier(item.scope, owner) or names)
        if star:
            fields.add().a_star.SetInParent()

    def _qualifier(self, scope: Scope, owner: Range) -> tuple[str, ...]:
        """What tells an item of FROM from others; () where its name would mean another one."""
        inner: Scope | None = scope
        while inner is not None:
            same = [r for r in inner.names.relations if r.alias == owner.alias]
            if any(r is owner for r in same):
                entry = _entry_of(owner)
                if not owner.schema or entry is None:
                    return (owner.alias,)
                item = self._named.get(entry)
                schema = () if item is None or len(same) == 1 else (self._current(item.relation).schema,)
                return (*schema, self._called.get(entry, owner.alias))
            if same:
                return ()
            inner = inner.parent
        return ()

    # ---------------------------------------------------------------- stars

    def expand(self, star: StarNamed) -> None:
        """Put the outputs that a star means in its place; it stays where a subquery gives a name to several."""
        names = [name for name, _ in star.columns]
        if len(set(names)) < len(names) and any(self._is_ambiguous(star, *column) for column in star.columns):
            return
        place = next(i for i, node in enumerate(star.outputs) if node is star.node)
        star.outputs.pop(place)
        for name, meant in reversed(star.columns):
            target = pb.ResTarget()
            if star.row is not None:
                _take_apart(target.val, star.row, name)
            else:
                owner = _range_of(star.scope, meant)
                qualifier = () if owner is None or _is_alone(star.scope) else self._qualifier(star.scope, owner)
                write_name(target.val.column_ref.fields, (*qualifier, self._name_of(meant, name)))
            _name_output(target, name)
            star.outputs.insert(place, pb.Node(res_target=target))

    def _is_ambiguous(self, star: StarNamed, name: str, meant: Expr) -> bool:
        """Whether the column's name, with what tells its relation from others, means another column too."""
        owner = _range_of(star.scope, meant)
        columns = star.columns if owner is None else owner.columns
        return star.row is None and [n for n, _ in columns].count(name) > 1


def _take_apart(node: Any, row: Any, field: str) -> None:
    """Make (row).field of a node."""
    if row.WhichOneof("node") == "a_indirection":
        node.CopyFrom(row)
    else:
        node.a_indirection.arg.CopyFrom(row)
    node.a_indirection.indirection.add().string.sval = field


def _is_alone(scope: Scope) -> bool:
    """Whether the level is the outermost and has one relation, so that columns need nothing before them."""
    return scope.is_top and len(scope.names.relations) == 1


def _range_of(scope: Scope, meant: Expr) -> Range | None:
    """The item of FROM that brings a column, from a level outwards."""
    inner: Scope | None = scope
    while inner is not None:
        for relation in inner.names.relations:
            if any(
                column is meant or (isinstance(meant, ColumnRef) and column == meant) for _, column in relation.columns
            ):
                return relation
        inner = inner.parent
    return None


def _range_called(scope: Scope, name: str) -> Range | None:
    inner: Scope | None = scope
    while inner is not None:
        found = next((r for r in inner.names.relations if r.alias == name), None)
        if found is not None:
            return found
        inner = inner.parent
    return None


def _entry_of(relation: Range) -> RangeEntry | None:
    return next((column.range for _, column in relation.columns if isinstance(column, ColumnRef)), None)
