"""SQL of the rows that lists and searches show: entries with their repositories."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from lorahub_server.access import Caller, anonymous, shown
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.previews.tables import Preview, PreviewSet
from lorahub_server.kit.pagination import Key
from lorahub_server.library import queries_text
from lorahub_server.library.queries_filters import SET_MAX
from lorahub_server.library.queries_plan import Plan
from lorahub_server.library.queries_popular import Candidate, Conditions, popular
from lorahub_server.library.queries_text import Wanted
from lorahub_server.library.queries_walk import (
    COUNTED,
    Sort,
    has_key,
    is_asked,
    is_visible,
    keyed,
    ordered,
    page_ids,
)
from lorahub_server.library.tables import EvaluationResult, LibraryEntry, LibraryText, Listing
from lorahub_server.repos.queries_refs import Beside
from lorahub_server.repos.tables import GitObject, Repository
from lorahub_server.repos.visibility import visible_repos

# All columns of the entry, those of the repository that cards and rules need, `owner`, a name,
# `starred`, and `at`, which the list is ordered by. Rows that are asked for by their ids also tell
# `has_previews`, `has_results` and `has_base`.
CardRow = Any


def cards(
    session: Session, planned: Plan, sort: Sort, after: Sequence[Key] | None, limit: int
) -> Sequence[CardRow]:
    """Return entries with their repositories and whether the caller starred them."""
    if not planned.is_simple or sort.is_name or (after is not None and after[0] is None):
        return _rows(session, list_statement(session, planned, sort, after, limit))
    value, last = after or (None, None)
    wanted = {"key": planned.public[0], "value": value, "last": last, "most": limit}
    statement = _simple_list(sort, is_first=after is None)
    return session.execute(statement, wanted).all()


@cache
def _simple_list(sort: Sort, *, is_first: bool) -> Any:
    """Return what most lists are, made once: everybody's view of what has one key."""
    listed = (
        select(Listing.repo_id, sort.column.label("at"))
        .join(Repository, Repository.id == Listing.repo_id)
        .where(visible_repos(anonymous()), Listing.key_id == bindparam("key"))
        .order_by(*ordered(sort, sort.column))
        .limit(bindparam("most", type_=Integer))
    )
    if not is_first:
        bound = tuple_(
            bindparam("value", type_=sort.column.type),
            bindparam("last", type_=Listing.repo_id.type),
        )
        here = tuple_(sort.column, Listing.repo_id)
        listed = listed.where(here < bound if sort.descending else here > bound)
    found = listed.subquery()
    statement = _cards(anonymous(), found.c.at).join(found, found.c.repo_id == Repository.id)
    return statement.order_by(*ordered(sort, found.c.at, found.c.repo_id))


def list_statement(
    session: Session, planned: Plan, sort: Sort, after: Sequence[Key] | None, limit: int
) -> Any:
    found = page_ids(session, planned, sort, after, limit).subquery()
    statement = _cards(planned.caller, found.c.at).join(found, found.c.repo_id == Repository.id)
    return statement.order_by(*ordered(sort, found.c.at, found.c.repo_id))


def cards_by_id(session: Session, caller: Caller, repo_ids: Collection[int]) -> Sequence[CardRow]:
    statement = _cards_by_id() if caller.is_anonymous else _made_cards_by_id(caller)
    return session.execute(statement, {"ids": list(repo_ids)}).all()


@cache
def _cards_by_id() -> Any:
    return _made_cards_by_id(anonymous())


def _made_cards_by_id(caller: Caller) -> Any:
    wanted = LibraryEntry.repo_id.in_(bindparam("ids", expanding=True))
    return _cards(caller, literal(0)).add_columns(*_one_by_one()).where(wanted)


def card_beside(caller: Caller, *, with_text: bool = False) -> Beside:
    """Return what a CardRow needs, to be read with its repository.

    `with_text`: the bytes of README.md too, as `text`; NULL where the entry does not name it.
    """
    if caller.is_anonymous:
        return _card_beside(with_text=with_text)
    return _made_card_beside(caller, with_text=with_text)


@cache
def _card_beside(*, with_text: bool) -> Beside:
    return _made_card_beside(anonymous(), with_text=with_text)


def _made_card_beside(caller: Caller, *, with_text: bool) -> Beside:
    columns = (*_COLUMNS, _starred(caller), literal(0).label("at"), *_one_by_one())
    if with_text:
        columns = (*columns, _text(caller))
    return Beside(LibraryEntry, LibraryEntry.repo_id == Repository.id, columns)


def _text(caller: Caller) -> ColumnElement[bytes]:
    text = (
        select(GitObject.data)
        .where(GitObject.repo_id == LibraryEntry.repo_id, GitObject.oid == LibraryEntry.card_oid)
        .correlate(LibraryEntry)
        .scalar_subquery()
    )
    # It takes as long as if it was missing to find out that one may not see it.
    may_know = shown(caller, owner_id=Repository.owner_id, private=Repository.private)
    return case((may_know, text)).label("text")


def _one_by_one() -> tuple[ColumnElement[bool], ...]:
    """Return what is too dear to be asked of all rows of a list."""
    has_set = exists().where(PreviewSet.repo_id == LibraryEntry.repo_id)
    has_preview = exists().where(Preview.repo_id == LibraryEntry.repo_id)
    result = exists().where(EvaluationResult.repo_id == LibraryEntry.repo_id)
    base = exists().where(BaseModel.family == LibraryEntry.family, BaseModel.enabled)
    return (
        or_(has_set, has_preview).label("has_previews"),
        result.label("has_results"),
        base.label("has_base"),
    )


def alike(
    session: Session, planned: Plan, sort: Sort, fold_keys: Collection[str]
) -> dict[str, list[int]]:
    """Return what a plan finds of repositories with these fold keys, in the order of the list."""
    same = LibraryEntry.fold_key.in_(fold_keys)
    few = select(LibraryEntry.repo_id).where(same)
    also = () if planned.few is None else (LibraryEntry.repo_id.in_(planned.few),)
    narrow = replace(planned, few=few, more=(*planned.more, *also))
    found = page_ids(session, narrow, sort, None, COUNTED).subquery()
    statement = (
        select(LibraryEntry.fold_key, LibraryEntry.repo_id)
        .join(found, found.c.repo_id == LibraryEntry.repo_id)
        .order_by(*ordered(sort, found.c.at, found.c.repo_id))
    )
    kinds: dict[str, list[int]] = {}
    for key, repo_id in session.execute(statement):
        kinds.setdefault(str(key), []).append(repo_id)
    return kinds


def best(
    session: Session, planned: Plan, wanted: Wanted, after: int, limit: int
) -> list[Candidate]:
    """Return the most popular of what has the words and all else, by queries_text.row_id."""
    few, more = planned.few, _conditions(planned)
    if not planned.is_broad and few is None and planned.uses < min(planned.frequency, SET_MAX):
        few = select(Listing.repo_id).where(Listing.key_id.in_(planned.walked))
    elif not planned.is_all:
        more = (*more, has_key(LibraryText.repo_id, planned.walked))
    return popular(
        session,
        wanted,
        more,
        after,
        limit,
        is_common=planned.frequency > queries_text.COMMON,
        few=few,
    )


def _conditions(planned: Plan) -> Conditions:
    if planned.is_broad and planned.caller.is_anonymous:
        return _of_everybody()
    return (*keyed(planned, LibraryText.repo_id), is_asked(planned, LibraryText.repo_id))


@cache
def _of_everybody() -> Conditions:
    """Return what most searches ask beside their words."""
    return (is_visible(anonymous(), LibraryText.repo_id),)


def _rows(session: Session, statement: Any) -> Sequence[CardRow]:
    return session.execute(statement).all()


# Columns and not entities: to make those takes longer than to find them.
_COLUMNS: tuple[Any, ...] = (
    *(getattr(LibraryEntry, column.key) for column in LibraryEntry.__mapper__.column_attrs),
    Repository.id,
    Repository.owner_id,
    Repository.creator_id,
    Repository.name,
    Repository.private,
    Repository.gated,
    Repository.default_branch,
    Repository.forked_from_id,
    Repository.created_at,
    Repository.deleted_at,
    Account.name.label("owner"),
)
_CARD = (
    select(*_COLUMNS)
    .join(Repository, Repository.id == LibraryEntry.repo_id)
    .join(Account, Account.id == Repository.owner_id)
)


def _cards(caller: Caller, at: Any) -> Any:
    return _CARD.add_columns(_starred(caller), at.label("at")).where(visible_repos(caller))


def _starred(caller: Caller) -> ColumnElement[bool]:
    starred: ColumnElement[bool] = literal(value=False)
    if caller.account_id is not None:
        starred = exists().where(
            Star.repo_id == LibraryEntry.repo_id, Star.account_id == caller.account_id
        )
    return starred.label("starred")
