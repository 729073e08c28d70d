from datetime import datetime

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lorahub_server.access import caller
from lorahub_server.accounts.tables import Account
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database, UtcDateTime


class OwnBase(DeclarativeBase):
    pass


class Repo(OwnBase):
    """What the rules see of a repository, in a table of its own."""

    __tablename__ = "access_repos"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    creator_id: Mapped[int | None]
    private: Mapped[bool]
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@pytest.fixture
def repo_class() -> type[Repo]:
    return Repo


@pytest.fixture
def db(accounts_db: Database) -> Database:
    with accounts_db.write() as session:
        OwnBase.metadata.drop_all(session.connection())
        OwnBase.metadata.create_all(session.connection())
    return accounts_db


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def callers() -> dict[str, caller.Caller]:
    """One of each kind; account 1 is the owner in the tests."""
    people = {
        name: Account(id=number, name=name, is_admin=name == "carol")
        for number, name in enumerate(["alice", "bob", "carol"], start=1)
    }
    read = frozenset({"read"})
    return {
        "anonymous": caller.anonymous(),
        "owner": caller.of_account(people["alice"]),
        "owner-token": caller.Caller(people["alice"], frozenset({"read", "write"}), "token"),
        "owner-read-token": caller.Caller(people["alice"], read, "token"),
        "owner-empty-token": caller.Caller(people["alice"], frozenset(), "token"),
        "other": caller.of_account(people["bob"]),
        "other-read-token": caller.Caller(people["bob"], read, "token"),
        "admin": caller.of_account(people["carol"]),
    }


@pytest.fixture
def repos() -> dict[str, Repo]:
    gone = now()
    return {
        "public": Repo(id=1, owner_id=1, private=False),
        "private": Repo(id=2, owner_id=1, private=True),
        "gone": Repo(id=3, owner_id=1, private=False, deleted_at=gone),
        "private-gone": Repo(id=4, owner_id=1, private=True, deleted_at=gone),
    }
