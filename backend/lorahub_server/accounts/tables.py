from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lorahub_server.kit.db import Base, UtcDateTime

# SQLite gives out row ids by itself only for the type INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")


class Account(Base):
    """A user or an organisation: owns repositories; its name is a namespace.

    A deleted account keeps its row and its name, and loses everything personal. An organisation
    has no password, so nobody signs in as one.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(39))
    name_lower: Mapped[str] = mapped_column(String(39), unique=True)  # kit.names.lower
    name_key: Mapped[str] = mapped_column(String(39), unique=True)  # kit.names.fold
    kind: Mapped[str] = mapped_column(String(16), default="user")
    display_name: Mapped[str] = mapped_column(String(80), default="")
    bio: Mapped[str] = mapped_column(Text, default="")
    website: Mapped[str] = mapped_column(String(300), default="")
    about: Mapped[str] = mapped_column(Text, default="", server_default="")  # Markdown
    # Further addresses on the web.
    links: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    # The memberships of a user, {organisation's id: role}, so that a request knows them without
    # asking; only accounts.members writes it, with the rows.
    org_roles: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")
    # How many notifications wait to be read; community.notifications counts, pages show it.
    unread: Mapped[int] = mapped_column(default=0, server_default="0")
    # Who made an organisation.
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since then nobody signs in as it, and its tokens don't work; what it published stays.
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_usable(self) -> bool:
        return self.deleted_at is None and self.disabled_at is None

    @property
    def is_organization(self) -> bool:
        return self.kind == "organization"


class Membership(Base):
    """A user in an organisation; the roles are in accounts.roles."""

    __tablename__ = "memberships"

    org_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NameClaim(Base):
    """Every look-alike key ever used, and by whom; rows stay, so that no name changes hands."""

    __tablename__ = "name_claims"

    name_key: Mapped[str] = mapped_column(String(39), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FormerName(Base):
    """A name that an account gave up by renaming; it leads on to the account."""

    __tablename__ = "former_names"

    name_lower: Mapped[str] = mapped_column(String(39), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginSession(Base):
    """One browser that is signed in; the cookie's value is stored only as a keyed hash."""

    __tablename__ = "login_sessions"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_agent: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class ApiToken(Base):
    """A personal API token; its text is shown once and stored only as a keyed hash."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(80))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))  # the last characters, to tell tokens apart
    can_write: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset({"read", "write"}) if self.can_write else frozenset({"read"})


class DeviceCode(Base):
    """A program that waits to be signed in; both of its codes are stored only as keyed hashes.

    Once a person has decided, `account_id` and the three fields after it say what the program gets.
    """

    __tablename__ = "device_codes"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    device_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_hash: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[str] = mapped_column(String(80))
    program: Mapped[str] = mapped_column(String(200))  # as it calls itself
    network: Mapped[str] = mapped_column(String(64))  # where it asked from
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # approved, denied
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    token_name: Mapped[str] = mapped_column(String(80), default="")
    can_write: Mapped[bool] = mapped_column(default=False)
    days: Mapped[int | None]  # how long the token lives; None: until it is revoked
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    polled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    account: Mapped[Account | None] = relationship()
