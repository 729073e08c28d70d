import pytest

from lorahub_server.accounts.tables import Account
from lorahub_server.config import Settings
from lorahub_server.kit.db import Database


@pytest.fixture
def db(accounts_db: Database) -> Database:
    return accounts_db


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def add(db):
    """Add accounts without the work of hashing; their password is nobody's."""
    from lorahub_server.accounts.service import insert_account

    def add_account(name: str, **options) -> int:
        with db.write() as session:
            return insert_account(session, name, None, **options).id

    return add_account


@pytest.fixture
def load(db):
    def load_account(session, account_id: int) -> Account:
        return session.get_one(Account, account_id)

    return load_account
