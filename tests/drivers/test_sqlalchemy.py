"""SQLAlchemy 2 with pgvector-python over four drivers: tables made, mapped, searched, reflected and dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tests.drivers.conftest import PASSWORD
from tests.oracle.server import Server


class Base(DeclarativeBase):
    pass


class Document(Base):
    __tablename__ = "alchemy_documents"
    __table_args__ = (
        sa.Index(
            "alchemy_documents_ann",
            "embedding",
            postgresql_using="hnsw",
            postgresql_with={"m": 16, "ef_construction": 64},
            postgresql_ops={"embedding": "vector_l2_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(100), unique=True)
    kind: Mapped[str] = mapped_column(server_default="note", index=True)
    meta: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    embedding: Mapped[list[float] | None] = mapped_column(Vector(3))


def url(dsn: str, driver: str, password: str | None = None) -> sa.URL:
    given = conninfo_to_dict(dsn)
    return sa.URL.create(
        f"postgresql+{driver}",
        username=str(given["user"]),
        password=password,
        host=str(given["host"]),
        port=int(str(given["port"])),
        database=str(given["dbname"]),
    )


@pytest.fixture(params=["psycopg", "psycopg2", "pg8000"])
def engine(request: pytest.FixtureRequest, dsn: str) -> Iterator[sa.Engine]:
    """An engine over each driver, with the mapped tables made anew."""
    made = sa.create_engine(url(dsn, request.param))
    Base.metadata.drop_all(made)
    Base.metadata.create_all(made)
    yield made
    Base.metadata.drop_all(made)
    made.dispose()


def documents(count: int = 20) -> list[Document]:
    return [
        Document(title=f"document {number}", meta={"number": number}, embedding=[number, 0, 0])
        for number in range(1, count + 1)
    ]


def nearest(query: list[float], count: int) -> sa.Select[str]:
    return sa.select(Document.title).order_by(Document.embedding.l2_distance(query)).limit(count)


def test_nearest_neighbours(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add_all(documents())
        session.commit()
        assert session.scalars(nearest([7.2, 0, 0], 3)).all() == ["document 7", "document 8", "document 6"]
        distance = Document.embedding.cosine_distance([0, 1, 0])
        assert session.scalars(sa.select(distance).limit(1)).all() == [1.0]
        found = session.scalars(sa.select(Document).where(Document.meta["number"].as_integer() == 9)).one()
        assert (found.kind, found.meta) == ("note", {"number": 9})
        assert found.embedding is not None
        assert list(found.embedding) == [9, 0, 0]


def test_a_unit_of_work(engine: sa.Engine) -> None:
    with Session(engine) as session:
        first, second, third = documents(3)
        session.add_all([first, second, third])
        session.commit()
        first.embedding = [100, 0, 0]
        session.delete(second)
        session.commit()
        assert session.scalars(nearest([90, 0, 0], 5)).all() == ["document 1", "document 3"]
        session.execute(sa.delete(Document))
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(Document)) == 2


def test_errors(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add_all(documents(1))
        session.commit()
        session.add_all(documents(1))
        with pytest.raises(IntegrityError):
            session.commit()
        session.rollback()
        with pytest.raises(ProgrammingError):
            session.execute(sa.text("SELECT * FROM nowhere"))
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(Document)) == 1


def test_many_rows_and_conflicts(engine: sa.Engine) -> None:
    rows = [{"title": f"row {number}", "embedding": np.array([number, 1, 2])} for number in range(500)]
    with engine.begin() as connection:
        connection.execute(sa.insert(Document), rows)
        repeated = insert(Document).values(title="row 7", kind="other")
        connection.execute(repeated.on_conflict_do_update(index_elements=["title"], set_={"kind": "again"}))
        assert connection.scalar(sa.select(Document.kind).where(Document.title == "row 7")) == "again"
        streamed = connection.execution_options(yield_per=100).scalars(sa.select(Document.id).order_by(Document.id))
        assert len(streamed.all()) == 500


def test_reflection(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert inspector.has_table("alchemy_documents")
    assert not inspector.has_table("nowhere")
    assert "alchemy_documents" in inspector.get_table_names()
    table = sa.Table("alchemy_documents", sa.MetaData(), autoload_with=engine)
    assert list(table.columns.keys()) == ["id", "title", "kind", "meta", "embedding"]
    assert isinstance(table.c.embedding.type, Vector)
    assert table.c.embedding.type.dim == 3
    assert [column.name for column in table.primary_key] == ["id"]
    assert inspector.get_unique_constraints("alchemy_documents")[0]["column_names"] == ["title"]
    indexes = {one["name"]: one for one in inspector.get_indexes("alchemy_documents")}
    assert indexes["alchemy_documents_ann"]["dialect_options"]["postgresql_using"] == "hnsw"
    assert indexes["ix_alchemy_documents_kind"]["column_names"] == ["kind"]


def run(scenario: Callable[[AsyncSession], Any], dsn: str) -> None:
    async def with_session() -> None:
        engine = create_async_engine(url(dsn, "asyncpg"))
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            await scenario(session)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
        await engine.dispose()

    asyncio.run(with_session())


def test_asyncpg(dsn: str) -> None:
    async def scenario(session: AsyncSession) -> None:
        session.add_all(documents())
        await session.commit()
        found = await session.scalars(nearest([7.2, 0, 0], 3))
        assert found.all() == ["document 7", "document 8", "document 6"]
        session.add_all(documents(1))
        with pytest.raises(IntegrityError):
            await session.commit()
        await session.rollback()
        stream = await session.stream_scalars(sa.select(Document.id).order_by(Document.id))
        assert len([one async for one in stream]) == 20

    run(scenario, dsn)


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_a_password(guarded: Server, driver: str) -> None:
    engine = sa.create_engine(url(guarded.dsn(), driver, PASSWORD))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()
