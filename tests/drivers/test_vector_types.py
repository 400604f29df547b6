"""pgvector-python's HalfVector, SparseVector and Bit: parameters, results and COPY, in text and binary."""

from __future__ import annotations

import pytest
from pgvector import Bit, HalfVector, SparseVector
from tests.drivers.conftest import Connection

HALF = HalfVector([1.5, -2, 0.33])
SPARSE = SparseVector({0: 1.5, 4: -2.25}, 6)


@pytest.fixture
def table(connection: Connection) -> str:
    """A table with a column of either type."""
    connection.execute("DROP TABLE IF EXISTS driver_vector_types")
    connection.execute("CREATE TABLE driver_vector_types (half halfvec(3), sparse sparsevec(6))")
    return "driver_vector_types"


@pytest.mark.parametrize("binary", [False, True])
def test_values_come_back(connection: Connection, table: str, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    placeholder = "%b" if binary else "%t"
    for _ in range(3):
        row = cursor.execute(
            f"INSERT INTO {table} VALUES ({placeholder}, {placeholder}) RETURNING *", (HALF, SPARSE)
        ).fetchone()
        assert row == (HALF, SPARSE)
    nearest = f"SELECT half FROM {table} ORDER BY half <-> {placeholder}, sparse <=> {placeholder} LIMIT 1"
    assert cursor.execute(nearest, (HALF, SPARSE)).fetchone() == (HALF,)


def test_binary_copy(connection: Connection, table: str) -> None:
    cursor = connection.cursor()
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["halfvec", "sparsevec"])
        copy.write_row((HALF, SPARSE))
        copy.write_row((None, None))
    with cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["halfvec", "sparsevec"])
        assert list(copy.rows()) == [(HALF, SPARSE), (None, None)]


@pytest.mark.parametrize("binary", [False, True])
def test_arrays(connection: Connection, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    row = cursor.execute("SELECT ARRAY[%s, %s], ARRAY[%s]", (HALF, HALF, SPARSE)).fetchone()
    assert row == ([HALF, HALF], [SPARSE])


@pytest.mark.parametrize("binary", [False, True])
def test_bits(connection: Connection, binary: bool) -> None:
    placeholder = "%b" if binary else "%t"
    query = f"SELECT {placeholder}::bit(5), {placeholder}::bit(3) <~> B'100', binary_quantize({placeholder})"
    values = (Bit("10110"), Bit("101"), HALF)
    bits, distance, quantized = connection.cursor().execute(query, values).fetchone() or ()
    assert (bits, distance, quantized) == ("10110", 1, "101")
    bits, distance, quantized = connection.cursor(binary=True).execute(query, values).fetchone() or ()
    assert (Bit.from_binary(bits), distance, Bit.from_binary(quantized)) == (Bit("10110"), 1, Bit("101"))
