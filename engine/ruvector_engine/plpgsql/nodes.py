"""The tree of a PL/pgSQL block. Statements bear the line they begin at, and the name that contexts of errors use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from ruvector_engine.plpgsql.names import Found, Name, Variable
from ruvector_engine.sql.parser import RawStatement

SqlKind: TypeAlias = Literal["statement", "expression", "assignment"]


@dataclass(eq=False, slots=True)
class Sql:
    """A piece of SQL. `text` is what errors show; `raw` is what is run.

    A position in `raw` is one in `text` after adding `shift`: an expression is run as a SELECT. `names` are the
    variables that it sees.
    """

    kind: SqlKind
    text: str
    raw: RawStatement
    shift: int
    names: Name | None


@dataclass(frozen=True, slots=True)
class Field:
    """A step into a composite value: .name."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """A step into an array: [subscript], for one dimension or several."""

    subscripts: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What is assigned to: a variable, or something inside its value."""

    variable: Variable
    steps: tuple[Field | Index, ...] = ()

    @classmethod
    def of(cls, found: Found) -> Target:
        """What a name means, as a target."""
        return cls(found.variable, () if found.field is None else (Field(found.field),))

    @property
    def takes_row(self) -> bool:
        """Whether it is a variable with fields, all of it."""
        return self.variable.has_fields and not self.steps


@dataclass(eq=False, slots=True)
class Statement:
    """Any statement."""

    line: int
    title: ClassVar[str] = ""

    @property
    def shown(self) -> str:
        """How contexts of errors call it."""
        return self.title


Body: TypeAlias = Sequence[Statement]


@dataclass(frozen=True, slots=True)
class Handler:
    """WHEN conditions THEN body. A condition is a SQLSTATE, of a class if it ends in 000, or "others"."""

    conditions: tuple[str, ...]
    body: Body


@dataclass(eq=False, slots=True)
class Block(Statement):
    """[DECLARE ...] BEGIN ... [EXCEPTION ...] END. The handlers know the error as `sqlstate` and `sqlerrm`."""

    title = "statement block"
    label: str | None
    variables: Sequence[Variable]
    body: Body
    handlers: Sequence[Handler] = ()
    sqlstate: Variable | None = None
    sqlerrm: Variable | None = None


@dataclass(eq=False, slots=True)
class Assign(Statement):
    """target := expression."""

    title = "assignment"
    target: Target
    value: Sql


@dataclass(eq=False, slots=True)
class If(Statement):
    """IF, with its ELSIFs as further branches."""

    title = "IF"
    branches: Sequence[tuple[Sql, Body]]
    otherwise: Body


@dataclass(eq=False, slots=True)
class Case(Statement):
    """CASE; `value` is what the branches' conditions compare with as `tested`, in the form that has one."""

    title = "CASE"
    value: Sql | None
    tested: Variable | None
    branches: Sequence[tuple[Sql, Body]]
    otherwise: Body | None


@dataclass(eq=False, slots=True)
class Loop(Statement):
    """LOOP ... END LOOP, and the part that all loops share."""

    title = "LOOP"
    label: str | None
    body: Body


@dataclass(eq=False, slots=True)
class While(Loop):
    """WHILE condition LOOP."""

    title = "WHILE"
    condition: Sql


@dataclass(eq=False, slots=True)
class ForInteger(Loop):
    """FOR variable IN [REVERSE] lower .. upper [BY step] LOOP."""

    title = "FOR with integer loop variable"
    variable: Variable
    lower: Sql
    upper: Sql
    step: Sql | None
    reverse: bool


@dataclass(eq=False, slots=True)
class ForQuery(Loop):
    """FOR targets IN query LOOP."""

    title = "FOR over SELECT rows"
    targets: Sequence[Target]
    query: Sql


@dataclass(eq=False, slots=True)
class ForExecute(Loop):
    """FOR targets IN EXECUTE text [USING ...] LOOP."""

    title = "FOR over EXECUTE statement"
    targets: Sequence[Target]
    query: Sql
    using: Sequence[Sql]


@dataclass(eq=False, slots=True)
class ForEach(Loop):
    """FOREACH target [SLICE n] IN ARRAY expression LOOP."""

    title = "FOREACH over array"
    targets: Sequence[Target]
    slice: int
    array: Sql


@dataclass(eq=False, slots=True)
class Exit(Statement):
    """EXIT or CONTINUE [label] [WHEN condition]."""

    is_exit: bool
    label: str | None
    condition: Sql | None

    @property
    def shown(self) -> str:
        """The keyword."""
        return "EXIT" if self.is_exit else "CONTINUE"


@dataclass(eq=False, slots=True)
class Return(Statement):
    """RETURN."""

    title = "RETURN"


@dataclass(eq=False, slots=True)
class Raise(Statement):
    """RAISE; without level, condition, format and options it raises the handler's error again."""

    title = "RAISE"
    level: str
    condition: str | None  # a condition's name, or a SQLSTATE
    sqlstate: str | None
    format: str | None
    values: Sequence[Sql] = ()
    options: Sequence[tuple[str, Sql]] = ()


@dataclass(eq=False, slots=True)
class Assert(Statement):
    """ASSERT condition [, message]."""

    title = "ASSERT"
    condition: Sql
    message: Sql | None


@dataclass(eq=False, slots=True)
class Run(Statement):
    """A SQL statement, perhaps with INTO targets."""

    sql: Sql
    targets: Sequence[Target] | None = None
    strict: bool = False
    called: str = "SQL statement"

    @property
    def shown(self) -> str:
        """CALL and DO have names of their own."""
        return self.called


@dataclass(eq=False, slots=True)
class Perform(Statement):
    """PERFORM query."""

    title = "PERFORM"
    sql: Sql


@dataclass(eq=False, slots=True)
class Execute(Statement):
    """EXECUTE text [INTO [STRICT] targets] [USING values]."""

    title = "EXECUTE"
    text: Sql
    targets: Sequence[Target] | None
    strict: bool
    using: Sequence[Sql] = field(default_factory=tuple)


@dataclass(eq=False, slots=True)
class GetDiagnostics(Statement):
    """GET [STACKED] DIAGNOSTICS target = ITEM, ..."""

    stacked: bool
    items: Sequence[tuple[Target, str]]

    @property
    def shown(self) -> str:
        """With STACKED, where that stands."""
        return "GET STACKED DIAGNOSTICS" if self.stacked else "GET DIAGNOSTICS"


@dataclass(eq=False, slots=True)
class EndTransaction(Statement):
    """COMMIT or ROLLBACK."""

    command: Literal["COMMIT", "ROLLBACK"]

    @property
    def shown(self) -> str:
        """The keyword."""
        return self.command
