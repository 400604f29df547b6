"""What the system views are made from: a picture of the catalog and of the server at one moment. No IO here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ruvector_engine.catalog.databases import POSTGRES
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.system.oids import OWNER
from ruvector_engine.setting_definitions import SettingOrigin


@dataclass(frozen=True, slots=True)
class RelationStatistics:
    """How big a table or an index is: live rows (-1: not known) and bytes."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Activity:
    """One backend, as pg_stat_activity shows it. Times are microseconds since 2000-01-01 UTC; None: not applicable."""

    pid: int
    user: str
    database: str
    application_name: str = ""
    client_addr: str | None = None
    client_port: int | None = None
    backend_start: int | None = None
    xact_start: int | None = None
    query_start: int | None = None
    state_change: int | None = None
    state: str | None = None
    query: str = ""
    user_oid: int = OWNER
    database_oid: int = POSTGRES


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """A running CREATE INDEX or REINDEX, as pg_stat_progress_create_index shows it."""

    pid: int
    table_oid: int
    index_oid: int
    command: str
    phase: str
    tuples_total: int
    tuples_done: int
    database_oid: int = POSTGRES


@dataclass(frozen=True, slots=True)
class OpenCursor:
    """A cursor of the session, as pg_cursors shows it; `created` in microseconds since 2000-01-01 UTC."""

    name: str
    statement: str
    holdable: bool
    scrollable: bool
    created: int


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that a session holds or waits for, as pg_locks shows it: on a relation, or an advisory one."""

    pid: int
    mode: str
    granted: bool
    relation: int | None = None
    advisory: tuple[int, int, int] | None = None  # classid, objid, objsubid
    database_oid: int = POSTGRES


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A line of pg_hba.conf, as pg_hba_file_rules shows it; what stands in no file has no place in one."""

    number: int | None
    file: str | None
    line: int | None
    type: str | None = None
    databases: list[str] | None = None
    users: list[str] | None = None
    address: str | None = None
    netmask: str | None = None
    method: str | None = None
    options: list[str] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NameMapping:
    """A line of pg_ident.conf, as pg_ident_file_mappings shows it."""

    number: int | None
    file: str
    line: int
    map_name: str | None = None
    system_name: str | None = None
    role: str | None = None
    error: str | None = None


def _no_statistics(_oid: int) -> RelationStatistics:
    return RelationStatistics(rows=-1, bytes=0)


def _no_origin(_name: str) -> SettingOrigin:
    return SettingOrigin()


def _not_called(_oid: int) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class SystemContext:
    """The moment's picture. `statistics` and `sequence_value` (NULL until the first nextval) are asked by OID."""

    catalog: Catalog
    settings: Mapping[str, str] = field(default_factory=dict)
    origin: Callable[[str], SettingOrigin] = _no_origin
    user: str = "postgres"
    database: str = "postgres"
    search_path: tuple[str, ...] = ("public",)
    statistics: Callable[[int], RelationStatistics] = _no_statistics
    sequence_value: Callable[[int], int | None] = _not_called
    activity: Sequence[Activity] = ()
    progress: Sequence[IndexBuild] = ()
    cursors: Sequence[OpenCursor] = ()
    locks: Sequence[HeldLock] = ()
    access_rules: Callable[[], Sequence[AccessRule]] = tuple
    name_mappings: Callable[[], Sequence[NameMapping]] = tuple

    @property
    def rights(self) -> Rights:
        """What the current user may do."""
        return Rights(self.catalog.authority, self.user_oid)

    @property
    def user_oid(self) -> int:
        """The current user's OID; 0 when the role was dropped."""
        role = self.catalog.authority.roles.get(self.user)
        return 0 if role is None else role.oid
