"""The text of a block to its tree (after pl_gram.y): blocks and the simple statements.

Everything is said about the text at once, as PostgreSQL does: 42601 and its kin, at a 1-based position in the text. The
one thing the parser asks for is what types are (`Types`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.plpgsql import declarations, diagnostics, loops, raising
from ruvector_engine.plpgsql.conditions import sqlstates
from ruvector_engine.plpgsql.declarations import Types
from ruvector_engine.plpgsql.names import Found, Name, Variable, find, find_label, in_loop
from ruvector_engine.plpgsql.nodes import (
    Assert,
    Assign,
    Block,
    Body,
    Case,
    EndTransaction,
    Execute,
    Exit,
    Field,
    Handler,
    If,
    Index,
    Perform,
    Return,
    Run,
    Sql,
    Statement,
    Target,
)
from ruvector_engine.plpgsql.tokens import Tokens, checked, is_name, spelled
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
        return target_of(found)

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
        targets = [target_of(found)]
        if is_row(targets[0]):
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
        found = self._assigned()
        if found is not None:
            return self._assignment(found, token.start, line)
        return self._run(line)

    def _assigned(self) -> Found | None:
        """The variable that an assignment begins with; it is taken."""
        found = self.variable_ahead()
        if found is not None:
            return found
        place = self.tokens.place
        parts = self.name_parts()
        assigns = bool(parts) and self.tokens.is_next(":=", "=", "[", *("." if len(parts) == 1 else ""))
        self.tokens.back(place)
        if assigns:
            raise self.unknown_variable()
        return None

    def _assignment(self, found: Found, start: int, line: int) -> Assign:
        tokens = self.tokens
        self.check_assignable(found, start)
        steps = list(target_of(found).steps)
        while tokens.is_next("[", "."):
            if tokens.take("."):
                steps.append(Field(tokens.label()))
                continue
            subscripts = []
            while tokens.take("["):
                subscripts.append(tokens.sql(("]", ":"), self.names))
                if tokens.is_next(":"):
                    problem = "assigning to a slice of an array is not supported"
                    raise not_supported(problem, hint="Assign its elements.", position=tokens.start + 1)
                tokens.expect("]")
            steps.append(Index(tuple(subscripts)))
        if not tokens.take(":=", "="):
            raise tokens.syntax_error()
        value = tokens.sql((";",), self.names, "assignment", start=start)
        return Assign(line, Target(found.variable, tuple(steps)), value)

    def _run(self, line: int) -> Run:
        """A SQL statement; INTO and its targets are taken out of it, and blanks stand in their place."""
        tokens, first = self.tokens, self.tokens.start
        token = tokens.peek
        if token is None or not (is_name(token) or token.kind == "("):
            raise tokens.syntax_error()
        if token.kind == "(":
            raise tokens.syntax_error()
        previous, depth, end = "", 0, first
        targets: list[Target] | None = None
        strict, cut = False, (0, 0)
        while not (tokens.is_next(";") and depth <= 0):
            token = tokens.peek
            if token is None:
                raise tokens.syntax_error("unexpected end of function definition")
            depth += (token.kind in "([") - (token.kind in ")]")
            word = token.text.lower()
            if word == "into" and previous not in ("insert", "merge"):
                if targets is not None:
                    raise tokens.syntax_error("INTO specified more than once")
                tokens.next()
                targets, strict = self.into()
                cut, previous = (token.start, tokens.start), ""
                continue
            previous, end = word, token.end
            tokens.next()
        text = tokens.text[first : max(end, first)]
        if targets is not None:
            kept_from = min(cut[1], end)
            before, after = tokens.text[first : cut[0]], tokens.text[kept_from:end]
            text = (before + " " * (kept_from - cut[0]) + after).rstrip() if after else before.rstrip()
        sql = checked("statement", text, text, 0, first, self.names)
        called = {"call_stmt": "CALL", "do_stmt": "DO"}.get(sql.raw.kind, "SQL statement")
        return Run(line, sql, targets, strict, called)

    def perform(self, line: int) -> Perform:
        """PERFORM query: a SELECT of that name."""
        first = self.tokens.start
        text = "SELECT " if self.tokens.is_next(";") else f"SELECT {self.tokens.sql((';',), self.names).text}"
        return Perform(line, checked("statement", text, text, 0, first - 7, self.names))

    def execute(self, line: int) -> Execute:
        """EXECUTE text [INTO [STRICT] targets] [USING values], the two in any order."""
        tokens = self.tokens
        text = tokens.sql(("into", "using", ";"), self.names)
        targets: list[Target] | None = None
        strict = False
        using: list[Sql] = []
        while not tokens.is_next(";"):
            if tokens.is_next("into"):
                if targets is not None:
                    raise tokens.syntax_error()
                tokens.next()
                targets, strict = self.into()
            elif tokens.is_next("using"):
                if using:
                    raise tokens.syntax_error()
                tokens.next()
                using = self.listed(("into", ";"))
            else:
                raise tokens.syntax_error()
        return Execute(line, text, targets, strict, using)

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

    def if_statement(self, line: int) -> If:
        """IF condition THEN ... [ELSIF ...] [ELSE ...] END IF."""
        tokens = self.tokens
        branches = [(self.condition("then"), self.body())]
        while tokens.take("elsif", "elseif"):
            branches.append((self.condition("then"), self.body()))
        otherwise = self.body() if tokens.take("else") else []
        tokens.expect("end", "if")
        return If(line, branches, otherwise)

    def case_statement(self, line: int) -> Case:
        """CASE [value] WHEN ... THEN ... [ELSE ...] END CASE."""
        tokens, outer = self.tokens, self.names
        value, tested = None, None
        if not tokens.is_next("when"):
            value = tokens.sql(("when",), self.names)
            tested = self.declare(Variable(f"__Case__Variable_{self._declared}__", TypeRef(TEXT)))
        branches: list[tuple[Sql, Body]] = []
        inside = self.names
        while tokens.take("when"):
            branches.append((self._case_condition(tested), self._case_body(outer, inside)))
        if not branches:
            raise tokens.syntax_error()
        otherwise = self._case_body(outer, inside) if tokens.take("else") else None
        tokens.expect("end", "case")
        self.names = outer
        return Case(line, value, tested, branches, otherwise)

    def _case_condition(self, tested: Variable | None) -> Sql:
        first = self.tokens.start
        sql = self.condition("then")
        if tested is None:
            return sql
        text = f'"{tested.name}" IN ({sql.text})'
        return checked("expression", text, f"SELECT {text}", -7, first - len(tested.name) - 7, self.names)

    def _case_body(self, outer: Name | None, inside: Name | None) -> Body:
        self.names = outer
        body = self.body()
        self.names = inside
        return body

    def exit(self, line: int) -> Exit:
        """EXIT [label] [WHEN condition]."""
        return self._leave(line, is_exit=True)

    def continue_(self, line: int) -> Exit:
        """CONTINUE [label] [WHEN condition]."""
        return self._leave(line, is_exit=False)

    def _leave(self, line: int, *, is_exit: bool) -> Exit:
        tokens, start = self.tokens, self.tokens.start
        before = tokens.ahead(-1)
        label = None if tokens.is_next(";", "when") else tokens.label()
        condition = tokens.sql((";",), self.names) if tokens.take("when") else None
        if label is None:
            if not in_loop(self.names):
                problem = "EXIT cannot be used outside a loop, unless it has a label"
                at = before.start if before is not None else start
                raise SqlError(
                    "42601", problem if is_exit else "CONTINUE cannot be used outside a loop", position=at + 1
                )
            return Exit(line, is_exit, None, condition)
        found = find_label(self.names, label)
        if found is None:
            problem = f'there is no label "{label}" attached to any block or loop enclosing this statement'
            raise SqlError("42601", problem, position=start + 1)
        if not is_exit and not found.is_loop:
            raise SqlError("42601", f'block label "{label}" cannot be used in CONTINUE', position=start + 1)
        return Exit(line, is_exit, label, condition)

    def return_statement(self, line: int) -> Return:
        """RETURN, of nothing."""
        tokens = self.tokens
        if tokens.is_next(";"):
            return Return(line)
        if tokens.is_next("next", "query"):
            before = tokens.ahead(-1)
            at = tokens.start if before is None else before.start
            word = tokens.text[tokens.start :].split(None, 1)[0].upper()
            raise SqlError("42804", f"cannot use RETURN {word} in a non-SETOF function", position=at + 1)
        raise SqlError("42804", "RETURN cannot have a parameter in function returning void", position=tokens.start + 1)

    def assert_statement(self, line: int) -> Assert:
        """ASSERT condition [, message]."""
        condition = self.tokens.sql((",", ";"), self.names)
        message = self.tokens.sql((";",), self.names) if self.tokens.take(",") else None
        return Assert(line, condition, message)

    def commit(self, line: int) -> EndTransaction:
        """COMMIT [AND [NO] CHAIN]."""
        self._chain()
        return EndTransaction(line, "COMMIT")

    def rollback(self, line: int) -> EndTransaction:
        """ROLLBACK [AND [NO] CHAIN]."""
        self._chain()
        return EndTransaction(line, "ROLLBACK")

    def _chain(self) -> None:
        tokens = self.tokens
        if tokens.take("and"):
            chained = not tokens.take("no")
            at = tokens.start
            tokens.expect("chain")
            if chained:
                raise not_supported("AND CHAIN is not supported", position=at + 1)

    def cursors(self, _line: int) -> Statement:
        """OPEN, FETCH, MOVE, CLOSE."""
        before = self.tokens.ahead(-1)
        assert before is not None
        raise not_supported(
            "cursors in PL/pgSQL are not supported",
            hint=declarations.FOR_INSTEAD,
            position=before.start + 1,
        )


def target_of(found: Found) -> Target:
    """A found name as what can be assigned to."""
    return Target(found.variable, () if found.field is None else (Field(found.field),))


def is_row(target: Target) -> bool:
    """Whether it takes a whole row."""
    return target.variable.has_fields and not target.steps


_STATEMENTS: dict[str, Callable[[Parser, int], Statement]] = {
    "if": Parser.if_statement,
    "case": Parser.case_statement,
    "exit": Parser.exit,
    "continue": Parser.continue_,
    "return": Parser.return_statement,
    "raise": raising.raise_statement,
    "assert": Parser.assert_statement,
    "perform": Parser.perform,
    "execute": Parser.execute,
    "get": diagnostics.get_diagnostics,
    "commit": Parser.commit,
    "rollback": Parser.rollback,
    "open": Parser.cursors,
    "fetch": Parser.cursors,
    "move": Parser.cursors,
    "close": Parser.cursors,
}
