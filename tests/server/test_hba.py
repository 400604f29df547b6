"""pg_hba.conf: how it is read, what is wrong with a line, and which rule a client falls under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle.postgres import Postgres

from ruvector_server.hba import Client, HbaError, Mappings, Rule, Rules, parse, read, read_mappings
from ruvector_server.hba.interfaces import interfaces
from ruvector_server.hba.tokens import fields

FILE = Path("pg_hba.conf")


WORDS = [
    "host",
    "local",
    "hostssl",
    "all",
    "a,",
    ",",
    "\\\n",
    "\n",
    "#",
    '"',
    '"x',
    "::1/1",
    "::1",
    "1.2.3.4",
    "/",
    "trust",
    "a=b",
    "@",
    "+",
]
#: User -> roles that they are members of.
MEMBERSHIPS = {"ann": ("admins", "db")}
HAS_IPV6 = any(str(own.ip) == "::1" for own in interfaces())


def client(address: str | None = "127.0.0.1", user: str = "ann", database: str = "db", *, ssl: bool = False) -> Client:
    return Client(address, ssl, user, database, lambda role: role in (user, *MEMBERSHIPS.get(user, ())))


def found(text: str, who: Client) -> str | None:
    rule = parse(text, FILE).find(who)
    return None if rule is None else rule.method


@pytest.mark.parametrize(
    ("line", "who", "fits"),
    [
        ("local all all trust", client(None), True),
        ("local all all trust", client(), False),
        ("host all all all trust", client(None), False),
        ("host all all all trust", client(), True),
        ("host all all all trust", client("::1"), True),
        ("host all all all trust", client(ssl=True), True),
        ("hostssl all all all trust", client(), False),
        ("hostssl all all all trust", client(ssl=True), True),
        ("hostnossl all all all trust", client(), True),
        ("hostnossl all all all trust", client(ssl=True), False),
        ("hostnogssenc all all all trust", client(), True),
        # addresses
        ("host all all 127.0.0.1/32 trust", client(), True),
        ("host all all 127.0.0.2/32 trust", client(), False),
        ("host all all 10.1.2.3/8 trust", client("10.200.0.1"), True),
        ("host all all 10.0.0.0 255.0.0.0 trust", client("10.200.0.1"), True),
        ("host all all 10.0.0.0 255.0.0.0 trust", client("11.0.0.1"), False),
        ("host all all 0.0.0.0/0 trust", client("::1"), False),
        ("host all all ::/0 trust", client("fe80::1%eth0"), True),
        ("host all all ::1/128 trust", client("::1"), True),
        ("host all all fe80:: ffff:: trust", client("fe80::1"), True),
        ("host all all samehost trust", client(), True),
        ("host all all samehost trust", client("192.0.2.1"), False),
        ("host all all samenet trust", client("127.3.2.1"), True),
        ("host all all samenet trust", client("::1"), HAS_IPV6),
        ("host all all samenet trust", client("203.0.113.7"), False),
        # names
        ("host db ann all trust", client(), True),
        ("host db ann all trust", client(user="bob"), False),
        ("host db ann all trust", client(database="other"), False),
        ("host a,db bob,ann all trust", client(), True),
        ("host a, db  bob, ann all trust", client(), True),
        ('host "all" all all trust', client(), False),
        ('host "all" all all trust', client(database="all"), True),
        ('host all "my user" all trust', client(user="my user"), True),
        ('host all "a ""b""" all trust', client(user='a "b"'), True),
        ('host all a,"b,c" all trust', client(user="b,c"), True),
        ('host all "+group" all trust', client(user="+group"), True),
        ("host all +admins all trust", client(), True),
        ("host all bob,+admins all trust", client(), True),
        ("host all +admins all trust", client(user="bob"), False),
        ("host all +admins all trust", client(user="admins"), True),
        ("host all +admins all trust", client(user="+admins"), False),
        ("host samerole all all trust", client(), True),
        ("host samegroup all all trust", client(), True),
        ("host samerole all all trust", client(user="bob"), False),
        ("host samerole all all trust", client(user="db"), True),
        ('host "samerole" all all trust', client(), False),
        ("host sameuser all all trust", client(database="ann"), True),
        ("host sameuser all all trust", client(), False),
        ("host replication all all trust", client(database="replication"), False),
        ('host "replication" all all trust', client(database="replication"), True),
        # regular expressions
        ("host all /^a.n$ all trust", client(), True),
        ("host all /^a.n$ all trust", client(user="anna"), False),
        ("host all /^a[[:alpha:]]{2}$ all trust", client(), True),
        ("host all /^a[[:digit:]]{2}$ all trust", client(), False),
        ('host all "/^a, ?b" all trust', client(user="a, bc"), True),
        ("host /^d all all trust", client(), True),
        ("host /^d,other all all trust", client(database="x"), False),
        # host names
        ("host all all localhost trust", client(), True),
        ("host all all LocalHost trust", client(), True),
        ("host all all .localhost trust", client(), False),
        ("host all all example.org trust", client(), False),
        # comments and continued lines
        ("host all all all trust # why", client(), True),
        ("host all all \\\n  all trust", client(), True),
        ("   \n\t# nothing\nhost all all all trust", client(), True),
    ],
)
def test_fits(line: str, who: Client, fits: bool) -> None:
    assert (found(line, who) == "trust") is fits


def test_the_first_that_fits() -> None:
    text = "host all bob all reject\nhost all all 127.0.0.0/8 trust\nhost all all all scram-sha-256\n"
    assert found(text, client(user="bob")) == "reject"
    assert found(text, client()) == "trust"
    assert found(text, client("192.0.2.1")) == "scram-sha-256"
    assert found(text, client(None)) is None


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("nonsense all all trust", 'invalid connection type "nonsense"'),
        ("host,local all all trust", "multiple values specified for connection type"),
        ("host", "end-of-line before database specification"),
        ("host all", "end-of-line before role specification"),
        ("host all all", "end-of-line before IP address specification"),
        ("host all all 10.0.0.1", "end-of-line before netmask specification"),
        ("host all all 10.0.0.1/32", "end-of-line before authentication method"),
        ("local all all", "end-of-line before authentication method"),
        ("host all all 10.0.0.1/33 trust", 'invalid CIDR mask in address "10.0.0.1/33"'),
        ("host all all 10.0.0.1/x trust", 'invalid CIDR mask in address "10.0.0.1/x"'),
        ("host all all example.org/8 trust", 'specifying both host name and CIDR mask is invalid: "example.org/8"'),
        ("host all all 10.0.0.1 x trust", 'invalid IP mask "x"'),
        ("host all all 10.0.0.1 ff:: trust", "IP address and mask do not match"),
        ("host all all 10.0.0.1 255.0.255.0 trust", 'invalid IP mask "255.0.255.0": its ones must come'),
        ("host all all all magic", 'invalid authentication method "magic"'),
        ("host all all all ldap", 'authentication method "ldap" is not supported'),
        ("host all all all cert", "cert authentication is only supported on hostssl connections"),
        ("host all all all peer", "peer authentication is only supported on local sockets"),
        ("host all @file all trust", f'could not open file "{FILE.parent / "file"}": No such file or directory'),
        ("host @file all all trust", f'could not open file "{FILE.parent / "file"}": No such file or directory'),
        ("host /^(a all all trust", 'invalid regular expression "^(a": '),
        ("host all /(a)\\1 all trust", 'invalid regular expression "(a)\\1": back references are not supported'),
        ("include other.conf", 'could not open file "other.conf": No such file or directory'),
        ("include_dir nowhere", 'could not open directory "nowhere": No such file or directory'),
        ("include a b", '"include" takes the name of one file or directory'),
        ("hostgssenc all all all trust", "hostgssenc is not supported"),
        ("host all all all trust x", "authentication option not in name=value format: x"),
        ("host all all all trust x=y", 'unrecognized authentication option name: "x"'),
        (
            "hostssl all all all trust map=m",
            'authentication option "map" is only valid for authentication methods ident, peer, gssapi, ',
        ),
        ("hostssl all all all cert clientname=XN", 'invalid value for clientname: "XN"'),
        ("host all all all trust clientname=DN", 'clientname can only be configured for "hostssl" rows'),
        ("host all all all trust clientcert=verify-ca", 'clientcert can only be configured for "hostssl" rows'),
        ("hostssl all all all trust clientcert=1", 'invalid value for clientcert: "1"'),
        ("hostssl all all all cert clientcert=verify-ca", 'clientcert only accepts "verify-full"'),
        ('host all "all all trust', "unterminated quoted string"),
    ],
)
def test_errors(line: str, error: str) -> None:
    with pytest.raises(HbaError) as caught:
        parse(f"# first\n{line}\n", FILE)
    assert str(caught.value).startswith(f'line 2 of configuration file "pg_hba.conf": {error}')


def test_all_errors_are_told() -> None:
    with pytest.raises(HbaError) as caught:
        parse("host\nlocal all all trust\nhost all all \\\n all magic\n", FILE)
    assert [line.split(" of ")[0] for line in str(caught.value).splitlines()] == ["line 1", "line 3"]


def test_a_file_without_rules_or_none(tmp_path: Path) -> None:
    with pytest.raises(HbaError, match="contains no entries"):
        parse("# nothing\n", FILE)
    with pytest.raises(HbaError, match=r"could not open file .*: No such file or directory"):
        read(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(HbaError, match="is not UTF-8 text"):
        read(tmp_path / "binary")


def test_options() -> None:
    def rule(line: str) -> Rule:
        found = parse(line, FILE).find(client(ssl=True))
        assert found is not None
        return found

    assert rule("hostssl all all all cert").client_certificate == "verify-full"
    assert rule("hostssl all all all trust clientcert=verify-ca").client_certificate == "verify-ca"
    assert rule("hostssl all all all trust").client_certificate == ""
    assert rule("hostssl all all all cert map=m").map_name == "m"
    assert rule("hostssl all all all cert clientname=DN").by_distinguished_name
    assert not rule("hostssl all all all cert clientname=CN").by_distinguished_name


def test_included_files(tmp_path: Path) -> None:
    main, folder = tmp_path / "pg_hba.conf", tmp_path / "more"
    folder.mkdir()
    main.write_text("include one.conf\ninclude_if_exists nothing.conf\ninclude_dir more\nhost all all all reject\n")
    (tmp_path / "one.conf").write_text("host all ann all trust\n")
    (folder / "b.conf").write_text("host all bob,carl all password\n")
    (folder / "a.conf").write_text("host all bob all md5\n")
    (folder / ".hidden.conf").write_text("host all all all trust\n")
    (folder / "c.txt").write_text("host all all all trust\n")
    rules = read(main)
    methods = {}
    for user in ("ann", "bob", "carl", "dora"):
        rule = rules.find(client(user=user))
        methods[user] = None if rule is None else rule.method
    assert methods == {"ann": "trust", "bob": "md5", "carl": "password", "dora": "reject"}
    (folder / "b.conf").write_text("host all all all magic\n")
    with pytest.raises(HbaError, match=rf'line 1 of configuration file "{folder / "b.conf"}": invalid authentication'):
        read(main)
    (folder / "b.conf").write_text("include b.conf\n")
    with pytest.raises(HbaError, match="maximum nesting depth exceeded"):
        read(main)


@pytest.mark.parametrize(
    ("line", "system", "role", "lets"),
    [
        ("m root ann", "root", "ann", True),
        ("m root ann", "root", "bob", False),
        ("m root ann", "nobody", "ann", False),
        ("other root ann", "root", "ann", False),
        ("m root all", "root", "bob", True),
        ('m root "all"', "root", "bob", False),
        ("m /^(.*)@example\\.org$ \\1", "ann@example.org", "ann", True),
        ("m /^(.*)@example\\.org$ \\1", "ann@example.org", "bob", False),
        ("m /^(.*)@example\\.org$ \\1", "ann@example.com", "ann", False),
        ("m root /^a", "root", "ann", True),
        ("m root /^a", "root", "bob", False),
        ("m root +admins", "root", "ann", True),
        ("m root +admins", "root", "bob", False),
        ("m root bob,ann", "root", "ann", True),
    ],
)
def test_maps(tmp_path: Path, line: str, system: str, role: str, lets: bool) -> None:
    path = tmp_path / "pg_ident.conf"
    path.write_text(f"# who may be whom\n{line}\n")
    belongs = client(user=role).belongs
    assert read_mappings(path).let("m", system, role, belongs) is lets
    assert Mappings().let("", system, system, belongs)
    assert not Mappings().let("m", system, system, belongs)
    assert not Mappings().let("", None, role, belongs)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("m root", "missing entry at end of line"),
        ("m root,x ann", "multiple values in ident field"),
        ("m /( ann", 'invalid regular expression "(": '),
        ("m /^.*$ \\1", 'regular expression "^.*$" has no subexpressions as requested by backreference in "\\1"'),
        ("m /^(.)*$ \\1", 'invalid regular expression "^(.)*$": what a repeated group captures is not known'),
        ("m root @none", "could not open file"),
    ],
)
def test_bad_maps(tmp_path: Path, line: str, error: str) -> None:
    path = tmp_path / "pg_ident.conf"
    path.write_text(f"{line}\n")
    with pytest.raises(HbaError) as caught:
        read_mappings(path)
    assert str(caught.value).startswith(f'line 1 of configuration file "{path}": {error}')


@pytest.mark.parametrize(("password", "method"), [(True, "scram-sha-256"), (False, "trust")])
def test_without_a_file(password: bool, method: str) -> None:
    rules = Rules.without_file(password=password)
    for address in (None, "127.0.0.1", "2001:db8::1"):
        rule = rules.find(client(address))
        assert rule is not None
        assert rule.method == method


@pytest.fixture
def postgres_rules(postgres: Postgres) -> Iterator[Path]:
    """The real PostgreSQL's file, which it reads again for its view pg_hba_file_rules only."""
    path = postgres.data_dir / "pg_hba.conf"
    saved = path.read_text()
    yield path
    path.write_text(saved)


def test_errors_are_those_of_postgresql(postgres: Postgres, postgres_rules: Path) -> None:
    lines = [
        "nonsense all all trust",
        "host,local all all trust",
        "host",
        "host all",
        "host all all",
        "host all all 10.0.0.1",
        "host all all 10.0.0.1/32",
        "host all all#x",
        "local all all",
        "host all all 10.0.0.1/33 trust",
        "host all all 10.0.0.1/-1 trust",
        "host all all ::1/129 trust",
        "host all all 10.0.0.1 ff:: trust",
        "host all all 10.0.0.1,10.0.0.2 trust",
        "host all all 10.0.0.1 255.0.0.0,1.1.1.1 trust",
        "host all all all magic",
        "host all all all trust,md5",
        "host all all all peer",
        "host all all all trust x",
        "host all all all trust x=y",
        "host all all all trust clientcert=verify-ca",
        "host all all example.org/8 trust",
        "host all all all trust map=m",
        "host all all all trust clientname=CN",
    ]
    postgres_rules.write_text("\n".join(lines))
    with psycopg.connect(postgres.dsn()) as connection:
        expected = connection.execute("SELECT line_number, error FROM pg_hba_file_rules ORDER BY 1").fetchall()
    with pytest.raises(HbaError) as caught:
        parse("\n".join(lines), FILE)
    told = str(caught.value).splitlines()
    assert told == [f'line {number} of configuration file "pg_hba.conf": {error}' for number, error in expected]


def test_names_are_read_as_by_postgresql(postgres: Postgres, postgres_rules: Path) -> None:
    lines = [
        """host a,b "c d",e all trust""",
        """host a, b  c,"d,e" all trust""",
        """host "f""g" h"i j"k, "l" all trust""",
    ]
    postgres_rules.write_text("\n".join(lines))
    with psycopg.connect(postgres.dsn()) as connection:
        expected = connection.execute(
            "SELECT database, user_name FROM pg_hba_file_rules ORDER BY line_number"
        ).fetchall()
    found = [fields(line) for line in lines]
    assert [tuple([token.text for token in field] for field in line[1:3]) for line in found] == expected


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_text_gives_rules_or_errors(text: str) -> None:
    with suppress(HbaError):
        parse(text, FILE).find(client())


def test_names_in_files(tmp_path: Path) -> None:
    file = tmp_path / "pg_hba.conf"
    (tmp_path / "users").write_text('ann, "my user" # who\n@more/others\n')
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "others").write_text("+admins\n@again")
    (tmp_path / "more" / "again").write_text("carl")
    (tmp_path / "databases").write_text("db other")
    rules = parse("host @databases @users,dora all trust", file)
    for user, database, fits in (
        ("ann", "db", True),
        ("my user", "other", True),
        ("carl", "db", True),
        ("dora", "db", True),
        ("bob", "db", False),
        ("ann", "third", False),
    ):
        assert (rules.find(client(user=user, database=database)) is not None) is fits
    (tmp_path / "more" / "again").write_text("@again")
    with pytest.raises(HbaError, match="maximum nesting depth exceeded"):
        parse("host @databases @users all trust", file)
    (tmp_path / "users").write_bytes(b"\xff")
    with pytest.raises(HbaError, match="is not UTF-8 text"):
        parse("host @databases @users all trust", file)
