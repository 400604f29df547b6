"""The text of a block to its tree (after pl_gram.y): blocks and the simple statements.

Everything is said about the text at once, as PostgreSQL does: 42601 and its kin, at a 1-based position in the text. The
one thing the parser asks for is what types are (`Types`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql.conditions import sqlstates
from ruvector_engine.plpgsql.names import Found, Name, Variable, find
from ruvector_engine.plpgsql.nodes import (
    Block,
    Body,
    Handler,
    Sql,
    Statement,
    Target,
)
from ruvector_engine.plpgsql.parse import control, declarations, diagnostics, loops, raising, sql
from ruvector_engine.plpgsql.parse.declarations import Types
from ruvector_engine.plpgsql.parse.tokens import Tokens, is_name, spelled
from ruvector_engine.types.registry import BOOL, TEXT, TypeRef

#: What the level outside a DO block is called: FOUND is in it.
OUTERMOST = "inline_code_block"
_ENDS = ("end", "exception", "else", "elsif", "elseif", "when")


def parse_block(text: str, types: Types) -> Block:
    """The tree of a DO block's text."""
    try:
        return Parser(text, types).whole()
    except RecursionError:
        raise SqlError("54001", "stack depth limit exceeded", hint="Write the block with less nesting.") from None


class Parser:
    """One block's parser: where it is in the text, and which names it has seen."""

    def __init__(self, text: str, types: Types) -> None:
        self.tokens = Tokens(text)
        self.types = types
        #: What a name means that could be a column too; None: what the setting says.
        self.variable_conflict: str | None = None
        self._declared = 1
        self.found = Variable("found", TypeRef(BOOL))
        self.names: Name | None = Name("found", self.found, Name(OUTERMOST, None, None))

    def whole(self) -> Block:
        """The block, and nothing after it but a semicolon."""
        tokens = self.tokens
        while tokens.take("#"):
            self._option()
        block = self.block(self.opening_label())
        tokens.take(";")
        if tokens.peek is not None:
            raise tokens.syntax_error()
        return block

    def _option(self) -> None:
        """#variable_conflict, before the block."""
        tokens, start = self.tokens, self.tokens.start
        if tokens.take("option", "print_strict_params"):
            raise not_supported("this option of a PL/pgSQL block is not supported", position=start + 1)
        tokens.expect("variable_conflict")
        if not tokens.is_next("error", "use_variable", "use_column"):
            raise tokens.syntax_error()
        self.variable_conflict = tokens.label()

    # ------------------------------------------------------------ names

    def declare(self, variable: Variable) -> Variable:
        """Give a variable its name, from here on."""
        self._declared += 1
        self.names = Name(variable.name, variable, self.names)
        return variable

    def enter(self, label: str | None, *, is_loop: bool) -> Name | None:
        """Begin a level of names; what to set `names` to when it ends."""
        outer = self.names
        self.names = Name(label or "", None, outer, is_loop)
        return outer

    def opening_label(self) -> str | None:
        """<<label>>, if one comes next."""
        if not self.tokens.take("<<"):
            return None
        label = self.tokens.label()
        self.tokens.expect(">>")
        return label

    def closing_label(self, label: str | None) -> None:
        """The label after END, which must be the block's or loop's own."""
        tokens = self.tokens
        if tokens.is_next(";") or tokens.peek is None:
            return
        start = tokens.start
        given = tokens.label()
        if label is None:
            problem = f'end label "{given}" specified for unlabeled block'
        elif label != given:
            problem = f'end label "{given}" differs from block\'s label "{label}"'
        else:
            return
        raise SqlError("42601", problem, position=start + 1)

    def name_parts(self) -> list[str]:
        """The next name, with its dots; [] when none comes."""
        tokens = self.tokens
        parts: list[str] = []
        while len(parts) < 3:
            token = tokens.peek
            if token is None or not (is_name(token) or (parts and (token.kind == "IDENT" or token.is_keyword))):
                break
            parts.append(spelled(token))
            tokens.next()
            following = tokens.ahead(1)
            if not tokens.is_next(".") or following is None or not (following.kind == "IDENT" or following.is_keyword):
                break
            tokens.next()
        return parts

    def variable_ahead(self) -> Found | None:
        """The variable, or field of one, that comes next; it is taken, or nothing is."""
        place = self.tokens.place
        parts = self.name_parts()
        found = find(self.names, parts) if parts else None
        if found is None:
            self.tokens.back(place)
        return found

    def unknown_variable(self) -> SqlError:
        """The error for what stands in a variable's place."""
        start, place = self.tokens.start, self.tokens.place
        parts = self.name_parts()
        if not parts:
            return self.tokens.syntax_error()
        self.tokens.back(place)
        return SqlError("42601", f'"{".".join(parts)}" is not a known variable', position=start + 1)

    def target(self, *, scalar: bool = False) -> Target:
        """A variable to put a value into."""
        start = self.tokens.start
        found = self.variable_ahead()
        if found is None:
            raise self.unknown_variable()
        self.check_assignable(found, start)
        if scalar and found.field is None and found.variable.has_fields:
            raise SqlError("42601", f'"{found.variable.name}" is not a scalar variable', position=start + 1)
        return Target.of(found)

    def check_assignable(self, found: Found, start: int) -> None:
        """22005 for a constant."""
        if found.variable.constant:
            raise SqlError("22005", f'variable "{found.variable.name}" is declared CONSTANT', position=start + 1)

    def into(self) -> tuple[list[Target], bool]:
        """What follows INTO: [STRICT] targets."""
        strict = self.tokens.take("strict")
        return self.targets(), strict

    def targets(self) -> list[Target]:
        """One record, or scalars."""
        tokens, start = self.tokens, self.tokens.start
        found = self.variable_ahead()
        if found is None:
            raise self.unknown_variable()
        self.check_assignable(found, start)
        targets = [Target.of(found)]
        if targets[0].takes_row:
            if tokens.is_next(","):
                problem = "record variable cannot be part of multiple-item INTO list"
                raise SqlError("42601", problem, position=tokens.start + 1)
            return targets
        while tokens.take(","):
            targets.append(self.target(scalar=True))
        return targets

    # ------------------------------------------------------------ blocks

    def block(self, label: str | None) -> Block:
        """[DECLARE ...] BEGIN ... [EXCEPTION ...] END [label]; the semicolon is left."""
        tokens = self.tokens
        outer = self.enter(label, is_loop=False)
        variables = declarations.section(self) if tokens.take("declare") else []
        line = tokens.begin_line()
        tokens.expect("begin")
        body = self.body()
        block = Block(line, label, variables, body)
        if tokens.take("exception"):
            self._handlers(block)
        tokens.expect("end")
        self.names = outer
        self.closing_label(label)
        return block

    def _handlers(self, block: Block) -> None:
        inside = self.names
        block.sqlstate = self.declare(Variable("sqlstate", TypeRef(TEXT), constant=True))
        block.sqlerrm = self.declare(Variable("sqlerrm", TypeRef(TEXT), constant=True))
        handlers: list[Handler] = []
        if not self.tokens.is_next("when"):
            raise self.tokens.syntax_error()
        while self.tokens.is_next("when"):
            self.tokens.begin_line()
            self.tokens.expect("when")
            conditions = self._condition()
            while self.tokens.take("or"):
                conditions += self._condition()
            self.tokens.expect("then")
            handlers.append(Handler(tuple(conditions), self.body()))
        block.handlers = handlers
        self.names = inside

    def _condition(self) -> list[str]:
        """What the condition stands for: "others", or SQLSTATEs."""
        tokens = self.tokens
        name = tokens.name()
        if name == "sqlstate":
            return [raising.sqlstate_literal(tokens)]
        if name == "others":
            return ["others"]
        found = sqlstates(name)
        if not found:
            raise SqlError("42704", f'unrecognized exception condition "{name}"')
        return list(found)

    def body(self) -> Body:
        """Statements, up to a word that ends them."""
        statements: list[Statement] = []
        while not self.tokens.is_next(*_ENDS) or self._is_assignment():
            statement = self._statement()
            if statement is not None:
                statements.append(statement)
        return statements

    def _is_assignment(self) -> bool:
        """Whether a word that could be a keyword begins an assignment to a variable of that name."""
        token = self.tokens.peek
        return token is not None and is_name(token) and self.tokens.is_ahead(1, ":=", "=", "[", ".")

    def _statement(self) -> Statement | None:
        """One statement with its semicolon; None for NULL."""
        tokens = self.tokens
        if tokens.is_next("<<"):
            label = self.opening_label()
            if tokens.is_next("declare", "begin"):
                statement: Statement | None = self.block(label)
            else:
                statement = loops.loop(self, label)
                if statement is None:
                    raise tokens.syntax_error()
        elif tokens.is_next("declare", "begin"):
            statement = self.block(None)
        else:
            statement = loops.loop(self, None) or self._simple()
        tokens.expect(";")
        return statement

    # ------------------------------------------------------------ simple statements

    def _simple(self) -> Statement | None:
        tokens = self.tokens
        token, line = tokens.peek, tokens.begin_line()
        if token is None:
            raise tokens.syntax_error()
        word = "" if self._is_assignment() else token.text.lower()
        if word == "null":
            tokens.next()
            return None
        reader = _STATEMENTS.get(word)
        if reader is not None:
            tokens.next()
            return reader(self, line)
        found = sql.assigned(self)
        if found is not None:
            return sql.assignment(self, found, token.start, line)
        return sql.run(self, line)

    def listed(self, until: Sequence[str]) -> list[Sql]:
        """Expressions with commas between them, up to one of the words."""
        found = [self.tokens.sql((",", *until), self.names)]
        while self.tokens.take(","):
            found.append(self.tokens.sql((",", *until), self.names))
        return found

    def condition(self, *until: str) -> Sql:
        """A condition, and one of the words `until`, which is taken."""
        sql = self.tokens.sql(until, self.names)
        self.tokens.next()
        return sql


_STATEMENTS: dict[str, Callable[[Parser, int], Statement]] = {
    "if": control.if_statement,
    "case": control.case_statement,
    "exit": control.exit,
    "continue": control.continue_,
    "return": control.return_statement,
    "raise": raising.raise_statement,
    "assert": control.assert_statement,
    "perform": sql.perform,
    "execute": sql.execute,
    "get": diagnostics.get_diagnostics,
    "commit": control.commit,
    "rollback": control.rollback,
    "open": control.cursors,
    "fetch": control.cursors,
    "move": control.cursors,
    "close": control.cursors,
}
