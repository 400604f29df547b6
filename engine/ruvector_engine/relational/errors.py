"""DuckDB's errors as PostgreSQL's: SQLSTATE and text. The executor adds the names of tables and constraints."""

from __future__ import annotations

import json
import re

from ruvector_engine.errors import SqlError, not_supported

_CARRIED = re.compile(r"ruvector-error:(\{.*?\}):end", re.DOTALL)
_FIELDS = ("sqlstate", "message", "detail", "hint")

_DUPLICATE = re.compile(r'Duplicate key "(?P<key>.*)" violates (?:primary key|unique) constraint', re.DOTALL)
_DUPLICATE_AT_COMMIT = re.compile(r'constraint violat\w+: duplicate key "(?P<key>.*)"', re.DOTALL | re.IGNORECASE)
_NOT_NULL = re.compile(r"NOT NULL constraint failed: (?P<table>\w+)\.(?P<column>.+)")
_EXHAUSTED = re.compile(r'nextval: reached (?:max|min)imum value of sequence "(?P<sequence>\w+)" \(-?\d+\)')
_CHECK = re.compile(
    r'CHECK constraint failed on table "(?P<table>\w+)" with expression CHECK\((?P<expr>.*)\)', re.DOTALL
)
_NOT_A_DECIMAL = re.compile(r'Could not convert string "NaN" to DECIMAL')
_KEY_TYPE = re.compile(r"Invalid Type \[(?P<type>[^\]]*(?:\[\])*)\]: Invalid type for index key")

#: What DuckDB says to everything after a fatal error, such as a checkpoint that found the disk full.
_INVALIDATED = "database has been invalidated"


def is_fatal(kind: str, text: str) -> bool:
    """Whether DuckDB will answer nothing any more until it is opened anew."""
    return kind == "FatalException" or _INVALIDATED in text


def hides_an_interrupt(kind: str, text: str) -> bool:
    """Whether an error may be what an interrupt has left: Arrow's readers drop its text, and what it has spoilt is told
    by the next statement, if it came while a batch was put away."""
    return kind == "NanoarrowException" or "Current transaction is aborted" in text


def cancelled() -> SqlError:
    """The error of a statement that was interrupted."""
    return SqlError("57014", "canceling statement due to user request")


def carried_error(error: SqlError) -> str:
    """The text that takes a SqlError through DuckDB, which hands on only an exception's text."""
    return f"ruvector-error:{json.dumps({name: getattr(error, name) for name in _FIELDS})}:end"


class DuplicateKey(SqlError):
    """A unique violation whose constraint is not known yet; `key` is DuckDB's "column: value, ..." text."""

    def __init__(self, key: str) -> None:
        super().__init__("23505", "duplicate key value violates unique constraint")
        self.key = key


def translate(kind: str, text: str, sql: str) -> SqlError:
    """The SqlError for DuckDB's exception class name `kind` and its text; `sql` is what ran (for the log)."""
    carried = _CARRIED.search(text)
    if carried is not None:
        return SqlError(**json.loads(carried.group(1)))
    if kind == "InterruptException" or "INTERRUPT Error" in text:  # by way of Arrow it is another's exception
        return cancelled()
    if kind == "ConstraintException":
        return _constraint(text)
    exhausted = _EXHAUSTED.search(text)
    if exhausted is not None:
        return SqlError("2200H", exhausted[0], table=exhausted["sequence"])
    if kind in ("TransactionException", "SerializationException") and "onflict" in text:
        duplicate = _DUPLICATE_AT_COMMIT.search(text)
        if duplicate is not None:
            return DuplicateKey(duplicate.group("key"))
        return SqlError("40001", "could not serialize access due to concurrent update")
    duplicate = _DUPLICATE_AT_COMMIT.search(text)
    if duplicate is not None:
        return DuplicateKey(duplicate.group("key"))
    if "Division by zero" in text or "division by zero" in text:
        return SqlError("22012", "division by zero")
    if "is undefined outside [" in text:  # the inverse trigonometric functions
        return SqlError("22003", "input is out of range")
    moment = _moment(text)
    if moment is not None:
        return moment
    if "Like pattern must not end with escape character" in text:
        return SqlError("22025", "LIKE pattern must not end with escape character")
    if "decimal.InvalidOperation" in text or "decimal.Overflow" in text:  # only an overflow is left untreated
        return SqlError("22003", "value overflows numeric format")
    if kind == "OutOfRangeException":
        return _out_of_range(text)
    if kind == "ConversionException" and _NOT_A_DECIMAL.search(text) is not None:
        return not_supported(
            "NaN in numeric with a precision is not supported",
            hint="Declare the column as numeric without a precision.",
        )
    if kind == "ConversionException":
        return _conversion(text)
    if kind == "OutOfMemoryException":
        return SqlError("53200", "out of memory", detail=_first_line(text))
    if is_fatal(kind, text):
        return SqlError(
            "58030", _first_line(text), hint="The server ends; what was committed is there when it starts again."
        )
    if kind == "IOException" and "No space left" in text:
        return SqlError("53100", _first_line(text), hint="Check free disk space.")
    if kind == "IOException":
        return SqlError("58030", _first_line(text))
    if "Cannot concatenate lists of types" in text or ("Cannot deduce template type" in text and "list_" in text):
        return not_supported("this operator is not supported for arrays of different numbers of dimensions")
    key_type = _KEY_TYPE.search(text)
    if key_type is not None:
        return not_supported(f"a key on a column of type {key_type['type'].lower()} is not supported")
    if "More than one row returned by a subquery" in text:
        return SqlError("21000", "more than one row returned by a subquery used as an expression")
    return SqlError(
        "XX000", f"the storage layer refused the statement: {_first_line(text)}", detail=f"SQL: {sql[:2000]}"
    )


def _constraint(text: str) -> SqlError:
    for pattern in (_DUPLICATE, _DUPLICATE_AT_COMMIT):
        found = pattern.search(text)
        if found is not None:
            return DuplicateKey(found.group("key"))
    found = _NOT_NULL.search(text)
    if found is not None:
        column = _unquoted(found.group("column").strip())
        return SqlError(
            "23502",
            f'null value in column "{column}" violates not-null constraint',
            table=found.group("table"),
            column=column,
        )
    found = _CHECK.search(text)
    if found is not None:
        return SqlError(
            "23514",
            "new row violates check constraint",
            table=found.group("table"),
            constraint=found.group("expr"),
        )
    return SqlError("23000", _first_line(text))


def _unquoted(identifier: str) -> str:
    """A name that DuckDB may have put in double quotes."""
    quoted = len(identifier) > 1 and identifier.startswith('"') and identifier.endswith('"')
    return identifier[1:-1].replace('""', '"') if quoted else identifier


_INTEGER_NAMES = {"INT16": "smallint", "INT32": "integer", "INT64": "bigint"}


_LEAST_INTEGERS = {"32768": "smallint", "2147483648": "integer", "9223372036854775808": "bigint"}
_LEAST_OVERFLOWS = re.compile(r"Overflow (?:on abs\(|in division of )-(?P<digits>\d+)")
#: DuckDB took these texts from PostgreSQL.
_MATHEMATICAL = {
    "cannot take square root of a negative number": "2201F",
    "cannot take logarithm of zero": "2201E",
    "cannot take logarithm of a negative number": "2201E",
}


_NO_DATE = re.compile(r"Date out of range: (-?\d+)-(-?\d+)-(-?\d+)")
_NO_TIME = re.compile(r"Time out of range: (-?\d+):(-?\d+):(-?[\d.]+)")


def _moment(text: str) -> SqlError | None:
    """The error of a date or time, if it is one."""
    date, time = _NO_DATE.search(text), _NO_TIME.search(text)
    if date is not None:
        year, month, day = map(int, date.groups())
        return SqlError("22008", f"date field value out of range: {year}-{month:02d}-{day:02d}")
    if time is not None:
        hour, minute, second = int(time[1]), int(time[2]), float(time[3])
        return SqlError("22008", f"time field value out of range: {hour}:{minute:02d}:{second:02g}")
    if "not in timestamp range" in text or "ICU date overflows timestamp" in text:
        return SqlError("22008", "timestamp out of range")
    if "Date out of range" in text:
        return SqlError("22008", "date out of range")
    if "INT32" in text and re.search(r"value \d+-\d\d-\d\d can't be cast", text):
        return SqlError("22008", "date out of range for timestamp")
    return None


def _out_of_range(text: str) -> SqlError:
    for message, sqlstate in _MATHEMATICAL.items():
        if message in text:
            return SqlError(sqlstate, message)
    if "out of range for numeric function" in text:
        return SqlError("22003", "input is out of range")
    least = _LEAST_OVERFLOWS.search(text)
    if least is not None and least["digits"] in _LEAST_INTEGERS:
        return SqlError("22003", f"{_LEAST_INTEGERS[least['digits']]} out of range")
    for duck, name in _INTEGER_NAMES.items():
        if duck in text:
            return SqlError("22003", f"{name} out of range")
    if "DECIMAL" in text or "Decimal" in text:
        return SqlError("22003", "numeric field overflow", detail=_first_line(text))
    return SqlError("22003", "value out of range", detail=_first_line(text))


_CONVERSION = re.compile(r"Could not convert string '(?P<value>.*)' to (?P<type>\w+)", re.DOTALL)
_TYPE_NAMES = {
    **_INTEGER_NAMES,
    "DOUBLE": "double precision",
    "FLOAT": "real",
    "BOOL": "boolean",
    "UUID": "uuid",
}


def _conversion(text: str) -> SqlError:
    found = _CONVERSION.search(text)
    if found is not None and found.group("type") in _TYPE_NAMES:
        name = _TYPE_NAMES[found.group("type")]
        return SqlError("22P02", f'invalid input syntax for type {name}: "{found.group("value")}"')
    if "destination type FLOAT" in text:
        return SqlError("22003", "value out of range: overflow")
    if "out of range" in text:
        for duck, name in _INTEGER_NAMES.items():
            if f"type {duck}" in text:
                return SqlError("22003", f"{name} out of range")
        return SqlError("22003", "value out of range", detail=_first_line(text))
    if "timestamp" in text.lower() or "date" in text.lower():
        return SqlError("22007", _first_line(text))
    return SqlError("22P02", _first_line(text))


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
