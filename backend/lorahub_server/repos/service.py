"""Repositories: their names, who sees them, their end. What is inside has its own modules."""

import re
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from lorahub_server.access import Tx, require_read, require_scope, require_write
from lorahub_server.access.errors import NotAllowed, RepoNotFound
from lorahub_server.accounts.tables import Account
from lorahub_server.blobs import service as blobs
from lorahub_server.kit import names
from lorahub_server.repos import queries
from lorahub_server.repos.errors import NameUsed, RepoExists, RepoMoved, TooManyRepos
from lorahub_server.repos.limits import REPOS_MAX
from lorahub_server.repos.tables import FormerRepoName, Repository

_LOOKS_LIKE_A_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{names.REPO_MAX}}}")


def create_repo(tx: Tx, owner: str, name: str, *, private: bool = False) -> Repository:
    """Make an empty repository, or raise RepoExists, or NameUsed for a name that had its turn."""
    account = require_scope(tx.caller, "write")
    if names.lower(owner) != account.name_lower:
        raise NotAllowed(f"You can make repositories only under your own name, {account.name}.")
    names.check_repo_name(name)
    queries.lock_account(tx.session, account.id)
    _check_free(tx, account.id, name, repo_id=None)
    if queries.count_repos(tx.session, account.id) >= REPOS_MAX:
        message = f"An account has at most {REPOS_MAX} repositories, deleted ones included."
        raise TooManyRepos(message)
    repo = Repository(
        owner_id=account.id,
        name=name,
        name_lower=names.lower(name),
        private=private,
        default_branch="main",
        created_at=tx.now,
        updated_at=tx.now,
    )
    try:
        with tx.session.begin_nested():
            tx.session.add(repo)
            tx.session.flush()
    except IntegrityError as error:
        raise _exists(name) from error
    _refresh_library(tx, repo)
    return repo


def get_repo(tx: Tx, owner: str, name: str) -> Repository:
    """Return the repository of this name, whatever its case, if the caller may read it.

    Raises RepoNotFound, RepoGone, or RepoMoved for a name that leads on to another.
    """
    if not names.is_account_name(owner) or not _LOOKS_LIKE_A_NAME.fullmatch(name):
        raise RepoNotFound
    keys = names.lower(owner), names.lower(name)
    repo = queries.repo_by_name(tx.session, *keys)
    try:
        require_read(tx.caller, repo)
    except RepoNotFound:
        # A private one takes the same steps as a missing one, and so the same time.
        moved = queries.repo_by_former_name(tx.session, *keys)
        if repo is not None or moved is None:
            raise
        require_read(tx.caller, moved)
        raise RepoMoved(moved.owner.name, moved.name) from None
    assert repo is not None
    return repo


def get_repo_for_write(tx: Tx, owner: str, name: str) -> Repository:
    repo = get_repo(tx, owner, name)
    require_write(tx.caller, repo)
    return repo


def repos_of(tx: Tx, account: Account) -> Sequence[Repository]:
    """Return the account's repositories that the caller may read, the latest change first."""
    return queries.repos_of(tx.session, tx.caller, account.id)


def rename_repo(tx: Tx, repo: Repository, name: str) -> Repository:
    """Give the repository another name. The old one leads to it for ever."""
    require_write(tx.caller, repo)
    names.check_repo_name(name)
    queries.lock_account(tx.session, repo.owner_id)
    lock_for_write(tx, repo)
    old, new = repo.name_lower, names.lower(name)
    if old != new:
        _check_free(tx, repo.owner_id, name, repo_id=repo.id)
        taken_back = queries.former_name(tx.session, repo.owner_id, new)
        if taken_back is not None:
            tx.session.delete(taken_back)
        tx.session.add(
            FormerRepoName(
                owner_id=repo.owner_id, name_lower=old, repo_id=repo.id, created_at=tx.now
            )
        )
    repo.name, repo.name_lower, repo.updated_at = name, new, tx.now
    tx.session.flush()
    _refresh_library(tx, repo)
    return repo


def set_private(tx: Tx, repo: Repository, private: bool) -> Repository:
    lock_for_write(tx, repo)
    if repo.private != private:
        repo.private, repo.updated_at = private, tx.now
        tx.session.flush()
    return repo


def delete_repo(tx: Tx, repo: Repository) -> None:
    """Remove everything in the repository; its name stays taken and answers that it is gone."""
    lock_for_write(tx, repo)
    repo.deleted_at = repo.updated_at = tx.now
    tx.session.flush()
    _remove_from_library(tx, repo)
    blobs.drop_refs(tx, repo.id)
    queries.delete_content(tx.session, repo.id)


def lock_for_write(tx: Tx, repo: Repository) -> None:
    """Hold the repository till the transaction ends; raise what `require_write` does.

    Changes of one repository wait for each other here, and for its deletion.
    """
    queries.lock_repo(tx.session, repo)
    require_write(tx.caller, repo)


def _check_free(tx: Tx, owner_id: int, name: str, *, repo_id: int | None) -> None:
    key = names.lower(name)
    there = queries.repo_of_owner(tx.session, owner_id, key)
    if there is not None and there.id != repo_id:
        raise _exists(name) if there.deleted_at is None else _used(name)
    former = queries.former_name(tx.session, owner_id, key)
    if former is not None and former.repo_id != repo_id:
        raise _used(name)


def _exists(name: str) -> RepoExists:
    return RepoExists(f"You have a repository {name} already. Use it, or choose another name.")


def _used(name: str) -> NameUsed:
    return NameUsed(
        f"The name {name} belonged to a repository that was deleted or renamed, and links to it "
        "stay its own. Choose another name.",
        place="name",
    )


def _refresh_library(tx: Tx, repo: Repository) -> None:
    from lorahub_server.library import service as library

    library.refresh(tx, repo)


def _remove_from_library(tx: Tx, repo: Repository) -> None:
    from lorahub_server.library import service as library

    library.remove(tx, repo)
