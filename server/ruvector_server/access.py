"""Who gets in, as files and roles say now: rules and certificates, reloaded while the server runs, and passwords."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from ruvector_engine.catalog.system import AccessRule, NameMapping
from ruvector_engine.errors import SqlError
from ruvector_engine.verifiers import Md5Hash, Verifier
from ruvector_server.hba import Client, HbaError, Mappings, Rules, read, read_mappings
from ruvector_server.hba.shown import implied_rules, shown_mappings, shown_rules
from ruvector_server.tls import Tls, TlsError, TlsFiles

_log = logging.getLogger(__name__)

#: The file of rules, in the data directory, and that of the secret from which the salts of unknown passwords come.
HBA_NAME: Final = "pg_hba.conf"
#: The file of maps from users of the operating system to roles.
IDENT_NAME: Final = "pg_ident.conf"
SECRET_NAME: Final = "mock_authentication_nonce"
_SECRET_BYTES: Final = 32


class Secret(Protocol):
    """What a password is checked against, or why none is right."""

    @property
    def verifier(self) -> Verifier | None:
        """None when no password is right."""

    @property
    def reason(self) -> str:
        """Why that is, for the log; empty when a password is right."""

    @property
    def md5(self) -> Md5Hash | None:
        """The hash, when there is one in place of a verifier."""


class Accounts(Protocol):
    """The roles of the engine (`ruvector_engine.login`), as letting clients in needs them. Quick."""

    @property
    def guarded(self) -> bool:
        """Whether the first superuser has a password: then everybody needs one, where no file says otherwise."""

    @property
    def has_passwords(self) -> bool:
        """Whether anybody has a password."""

    @property
    def iterations(self) -> int:
        """How many iterations new passwords are derived with."""

    @property
    def hashes_by_md5(self) -> bool:
        """Whether new passwords are kept as MD5 hashes."""

    def secret_of(self, user: str, /) -> Secret:
        """What a user's password is checked against."""

    def belongs(self, user: str, role: str, /) -> bool:
        """Whether a user is a role or a member of it."""


class AccessError(Exception):
    """Files with which nobody can be let in; the text says what is wrong with them."""


@dataclass(frozen=True)
class AccessFiles:
    """Where the rules are, and whether they must be there; and TLS's files, if it is to be spoken.

    `password_required`: without rules everybody needs a password, whoever has one, as others than this machine connect.
    """

    hba: Path | None = None
    hba_required: bool = False
    password_required: bool = False
    ident: Path | None = None
    tls: TlsFiles | None = None


class Access:
    """One a server. `tls` changes with `reload`, and so do `rules`; a login under way ends with what it began with."""

    def __init__(self, files: AccessFiles, accounts: Accounts, secret: bytes = b"") -> None:
        """AccessError for files that cannot be used. `secret` makes the salts shown to users without a password."""
        self._files = files
        self._accounts = accounts
        self._secret = secret or secrets.token_bytes(_SECRET_BYTES)
        self._rules_from_file: Rules | None = None
        self.mappings = Mappings()
        self.tls: Tls | None = None
        self._load_tls()
        self._load_mappings()
        self._load_rules()

    @property
    def rules(self) -> Rules:
        """Those of the file; else what the first superuser's having a password means, from the next login on."""
        if self._rules_from_file is not None:
            return self._rules_from_file
        return Rules.without_file(password=self._files.password_required or self._accounts.guarded)

    def verifier_of(self, user: str) -> Verifier:
        """What a user's password is checked against; one that no password satisfies if there is none."""
        mock = Verifier.mock(user, self._secret, self._accounts.iterations)  # made in any case: the work is the same
        return self._accounts.secret_of(user).verifier or mock

    def md5_of(self, user: str) -> Md5Hash | None:
        """The MD5 hash of a user's password; None when it is kept otherwise. Who has none has what new ones have."""
        found = self._accounts.secret_of(user)
        if found.md5 is None and found.verifier is None and self._accounts.hashes_by_md5:
            return Md5Hash.mock(user)
        return found.md5

    def why_refused(self, user: str) -> str:
        """What was wrong with a user's password; for the log."""
        return self._accounts.secret_of(user).reason or "the password does not match"

    def client(self, address: str | None, user: str, database: str, *, encrypted: bool) -> Client:
        """A client as the rules see it."""
        return Client(address, encrypted, user, database, partial(self._accounts.belongs, user))

    def shown_rules(self) -> list[AccessRule]:
        """What pg_hba_file_rules shows: the file as it is now; without one, the rules that hold. 58P01 without it."""
        path = self._files.hba
        if path is None or not (path.exists() or self._files.hba_required or self._rules_from_file is not None):
            return implied_rules(self.rules)
        try:
            return shown_rules(path)
        except HbaError as error:
            raise SqlError("58P01", str(error)) from None

    def shown_mappings(self) -> list[NameMapping]:
        """What pg_ident_file_mappings shows: the file as it is now."""
        path = self._files.ident
        try:
            return [] if path is None else shown_mappings(path)
        except HbaError as error:
            raise SqlError("58P01", str(error)) from None

    def reload(self) -> None:
        """Read the files again; what cannot be read stays as it was, and the log says why."""
        for load in (self._load_tls, self._load_mappings, self._load_rules):
            try:
                load()
            except AccessError as error:
                for line in str(error).splitlines():
                    _log.error("%s", line)
                _log.error("not reloaded, for the errors above; what was read before stays in force")
        _log.info("reloaded the rules of who gets in")

    def _load_tls(self) -> None:
        if self._files.tls is None:
            return
        try:
            self.tls = Tls.load(self._files.tls)
        except TlsError as error:
            raise AccessError(str(error)) from None

    def _load_mappings(self) -> None:
        path = self._files.ident
        if path is None or not path.exists():
            self.mappings = Mappings()  # which let nobody be another
            return
        try:
            self.mappings = read_mappings(path)
        except HbaError as error:
            raise AccessError(str(error)) from None

    def _load_rules(self) -> None:
        path = self._files.hba
        # A file that was in force and is gone must not open the door.
        if path is None:
            return
        if not (self._files.hba_required or self._rules_from_file is not None or path.exists()):
            return
        try:
            rules = read(path)
        except HbaError as error:
            raise AccessError(str(error)) from None
        if rules.need_authorities and (self.tls is None or not self.tls.verifies_clients):
            raise AccessError(
                f'"{path}" asks for client certificates, which can only be checked '
                "with --ssl-cert, --ssl-key and --ssl-ca"
            )
        if rules.need_encryption and self.tls is None:
            _log.warning("hostssl lines in %s cannot match: there is no --ssl-cert", path)
        if rules.need_password and not self._accounts.has_passwords:
            _log.warning("lines in %s ask for a password, and no role has one: nobody gets in by them", path)
        self._rules_from_file = rules


def mock_secret(data_dir: Path) -> bytes:
    """The secret kept in a data directory, made at the first start: salts must not change when the server restarts."""
    path = data_dir / SECRET_NAME
    try:
        found = path.read_bytes()
        if len(found) == _SECRET_BYTES:
            return found
    except FileNotFoundError:
        pass
    made = secrets.token_bytes(_SECRET_BYTES)
    path.touch(mode=0o600)
    path.write_bytes(made)
    return made
