"""All SQL of saved searches."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.community.searches.tables import SavedSearch, SearchHit
from lorahub_server.kit import upsert


def of_account(session: Session, account_id: int) -> Sequence[SavedSearch]:
    """Return an account's searches, by name."""
    statement = select(SavedSearch).where(SavedSearch.account_id == account_id)
    return session.scalars(statement.order_by(SavedSearch.name, SavedSearch.id)).all()


def one_of(session: Session, account_id: int, search_id: int) -> SavedSearch | None:
    statement = select(SavedSearch).where(
        SavedSearch.account_id == account_id, SavedSearch.id == search_id
    )
    return session.scalar(statement)


def count(session: Session, account_id: int) -> int:
    statement = select(func.count()).where(SavedSearch.account_id == account_id)
    return session.scalar(statement) or 0


def lock_account(session: Session, account_id: int) -> None:
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())


def is_any_told(session: Session) -> bool:
    """Tell whether anybody wants to hear of what their searches find."""
    return bool(session.scalar(select(exists().where(SavedSearch.notify.is_(True)))))


def told_after(session: Session, after: int, limit: int) -> Sequence[tuple[SavedSearch, Account]]:
    """Return the searches above an id whose owners want to hear of them."""
    rows = session.execute(
        select(SavedSearch, Account)
        .join(Account, Account.id == SavedSearch.account_id)
        .where(SavedSearch.notify.is_(True), SavedSearch.id > after)
        .order_by(SavedSearch.id)
        .limit(limit)
    )
    return [(row, account) for row, account in rows]


def known_of(session: Session, search_id: int, repo_ids: Collection[int]) -> set[int]:
    """Return which of the repositories the search's owner was told of."""
    statement = select(SearchHit.repo_id).where(
        SearchHit.search_id == search_id, SearchHit.repo_id.in_(repo_ids)
    )
    return set(session.scalars(statement))


def add_hit(session: Session, search_id: int, repo_id: int, moment: datetime) -> bool:
    """Return whether it is the first time."""
    done = session.execute(
        upsert.insert(session, SearchHit)
        .values(search_id=search_id, repo_id=repo_id, found_at=moment)
        .on_conflict_do_nothing()
        .returning(SearchHit.repo_id)
    )
    return done.first() is not None


def delete_hits_before(session: Session, search_id: int, moment: datetime) -> None:
    session.execute(
        delete(SearchHit).where(SearchHit.search_id == search_id, SearchHit.found_at < moment)
    )
