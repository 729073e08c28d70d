"""Repositories: their names, who sees them, their end. What is inside has its own modules."""

import re
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from lorahub_server.access import (
    Tx,
    can_write,
    require_admin,
    require_read,
    require_scope,
    require_write,
)
from lorahub_server.access.errors import RepoGone, RepoNotFound
from lorahub_server.accounts.tables import Account
from lorahub_server.blobs import service as blobs
from lorahub_server.kit import names
from lorahub_server.kit.errors import BadRequest
from lorahub_server.repos import events, owners, queries
from lorahub_server.repos.errors import ForkIsPrivate, NameUsed, RepoExists, RepoMoved, TooManyRepos
from lorahub_server.repos.events import Event
from lorahub_server.repos.limits import REPOS_MAX
from lorahub_server.repos.tables import FormerRepoName, Repository

GATES = ("auto", "manual")
_LOOKS_LIKE_A_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{names.REPO_MAX}}}")
# Generations of forks that are looked back at.
_FORKS_DEEP = 50


def create_repo(tx: Tx, owner: str, name: str, *, private: bool = False) -> Repository:
    """Make an empty repository, or raise RepoExists, or NameUsed for a name that had its turn."""
    account = owners.lock_new_owner(tx, owner)
    names.check_repo_name(name)
    _check_free(tx, account, name, repo_id=None)
    _check_room(tx, account)
    repo = Repository(
        owner_id=account.id,
        creator_id=tx.caller.account_id,
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
        raise _exists(account, name) from error
    _refresh_library(tx, repo)
    events.tell(tx, Event("repo", "create", repo))
    return repo


def get_repo(tx: Tx, owner: str, name: str) -> Repository:
    """Return the repository of this name, whatever its case, if the caller may read it.

    Raises RepoNotFound, RepoGone, or RepoMoved for a name that leads on to another.
    """
    keys = keys_of(owner, name)
    return readable(tx, keys, queries.repo_by_name(tx.session, *keys))


def keys_of(owner: str, name: str) -> tuple[str, str]:
    """Return what a repository is looked up by; raises RepoNotFound for what can't be a name."""
    if not names.is_account_name(owner) or not _LOOKS_LIKE_A_NAME.fullmatch(name):
        raise RepoNotFound
    return names.lower(owner), names.lower(name)


def readable(tx: Tx, keys: tuple[str, str], repo: Repository | None) -> Repository:
    """Return what was found by these keys, or raise what `get_repo` does."""
    try:
        _require_read(tx, repo)
    except RepoNotFound:
        # A private one takes the same steps as a missing one, and so the same time.
        moved = queries.repo_by_former_name(tx.session, *keys)
        if repo is not None or moved is None:
            raise
        _require_read(tx, moved)
        raise RepoMoved(moved.owner.name, moved.name) from None
    assert repo is not None
    return repo


def _require_read(tx: Tx, repo: Repository | None) -> None:
    """Do what `require_read` does, and tell of a deleted repository what it was."""
    try:
        require_read(tx.caller, repo)
    except RepoGone:
        from lorahub_server.library import tombstones

        assert repo is not None
        raise RepoGone(tombstones.told(tx.session, repo)) from None


def get_repo_for_write(tx: Tx, owner: str, name: str) -> Repository:
    repo = get_repo(tx, owner, name)
    require_write(tx.caller, repo)
    return repo


def repos_of(tx: Tx, account: Account) -> Sequence[Repository]:
    """Return the account's repositories that the caller may read, the latest change first."""
    return queries.repos_of(tx.session, tx.caller, account.id)


def has_repos(tx: Tx, account: Account) -> bool:
    """Tell whether there are any that were not deleted, whoever may see them."""
    return queries.has_repos(tx.session, account.id)


def lock_owner(tx: Tx, owner: Account) -> None:
    """Let decisions about what an account owns wait for each other, and know of new roles."""
    queries.lock_account(tx.session, owner.id)
    owners.reread_roles(tx)


def rename_repo(tx: Tx, repo: Repository, name: str) -> Repository:
    """Give the repository another name. The old one leads to it for ever."""
    return move_repo(tx, repo, repo.owner.name, name)


def move_repo(tx: Tx, repo: Repository, owner: str, name: str) -> Repository:
    """Give the repository another owner and name; the old address leads to it for ever.

    The caller must be one who may make repositories there, and write to this one.
    """
    require_write(tx.caller, repo)
    names.check_repo_name(name)
    if names.lower(owner) == repo.owner.name_lower:
        account = repo.owner
        queries.lock_account(tx.session, account.id)
    else:
        account = owners.lock_new_owner(tx, owner, beside=repo.owner)
        _check_room(tx, account)
    lock_for_write(tx, repo)
    _tell_move(tx, repo, account, name)
    old, new = (repo.owner_id, repo.name_lower), (account.id, names.lower(name))
    if old != new:
        _check_free(tx, account, name, repo_id=repo.id)
        taken_back = queries.former_name(tx.session, *new)
        if taken_back is not None:
            tx.session.delete(taken_back)
        tx.session.add(
            FormerRepoName(owner_id=old[0], name_lower=old[1], repo_id=repo.id, created_at=tx.now)
        )
    repo.owner, repo.owner_id = account, account.id
    repo.name, repo.name_lower, repo.updated_at = name, new[1], tx.now
    tx.session.flush()
    _refresh_library(tx, repo)
    return repo


def set_private(tx: Tx, repo: Repository, private: bool) -> Repository:
    """Hide a repository or show it. Raises ForkIsPrivate for a copy that its owner may not open."""
    lock_for_write(tx, repo)
    if repo.private != private:
        if not private:
            _check_may_open(tx, repo)
        repo.private, repo.updated_at = private, tx.now
        tx.session.flush()
        _show_in_library(tx, repo)
        _tell_config(tx, repo, private=private)
    return repo


def _check_may_open(tx: Tx, repo: Repository) -> None:
    """Refuse to show everybody what the caller only has as a copy of what not everybody may have.

    Copies of copies count too: who may change the one in between may not be who may open the first.
    """
    source_id = repo.forked_from_id
    for _ in range(_FORKS_DEEP):
        source = None if source_id is None else tx.session.get(Repository, source_id)
        if source is None:
            return
        if source.is_guarded and not can_write(tx.caller, source):
            raise ForkIsPrivate
        source_id = source.forked_from_id
    # Nobody copies so often but to get past this.
    raise ForkIsPrivate


def set_gated(tx: Tx, repo: Repository, gated: str | None) -> Repository:
    """Let the files wait for accepted requests (`auto`, `manual`), or for none (None)."""
    lock_for_write(tx, repo)
    if gated not in {None, *GATES}:
        raise BadRequest(f"A gate is one of {', '.join(GATES)}, or there is none.", place="gated")
    if repo.gated != gated:
        repo.gated, repo.updated_at = gated, tx.now
        tx.session.flush()
        _tell_config(tx, repo, gated=gated or False)
    return repo


def delete_repo(tx: Tx, repo: Repository, reason: str = "") -> None:
    """Remove everything in the repository; its name stays taken and answers what it was.

    `reason` is shown there. Raises BadRequest for one that is too long.
    """
    lock_for_write(tx, repo)
    _delete(tx, repo, reason, for_cause=False)


def take_down(tx: Tx, repo: Repository, reason: str) -> None:
    """Remove a repository as an administrator of the hub, for a cause that its rules name.

    Then its name tells nothing but the reason, and no hash leads to it any more.
    """
    require_admin(tx.caller)
    require_scope(tx.caller, "write")
    lock_for_read(tx, repo)
    _delete(tx, repo, reason, for_cause=True)


def _delete(tx: Tx, repo: Repository, reason: str, *, for_cause: bool) -> None:
    _bury(tx, repo, reason, for_cause=for_cause)
    events.tell(tx, Event("repo", "delete", repo))
    repo.deleted_at = repo.updated_at = tx.now
    tx.session.flush()
    _remove_from_library(tx, repo)
    _remove_from_collections(tx, repo)
    _remove_threads(tx, repo)
    _remove_previews(tx, repo)
    blobs.drop_refs(tx, repo.id)
    queries.delete_content(tx.session, repo.id)


def lock_for_write(tx: Tx, repo: Repository) -> None:
    """Hold the repository till the transaction ends; raise what `require_write` does.

    Changes of one repository wait for each other here, and for its deletion. A membership that
    ended meanwhile no longer counts.
    """
    queries.lock_repo(tx.session, repo)
    if repo.owner_id != tx.caller.account_id:
        owners.reread_roles(tx)
    require_write(tx.caller, repo)


def lock_for_read(tx: Tx, repo: Repository) -> None:
    """Do what `lock_for_write` does, for what readers may do; raise what `require_read` does."""
    queries.lock_repo(tx.session, repo)
    if repo.owner_id != tx.caller.account_id:
        owners.reread_roles(tx)
    require_read(tx.caller, repo)


def _tell_config(tx: Tx, repo: Repository, **changed: bool | str) -> None:
    events.tell(tx, Event("repo.config", "update", repo, facts={"updatedConfig": changed}))


def _tell_move(tx: Tx, repo: Repository, owner: Account, name: str) -> None:
    full_name = f"{owner.name}/{name}"
    if full_name != repo.full_name:
        facts = {"movedTo": {"name": full_name, "owner": {"id": owner.id}}}
        events.tell(tx, Event("repo", "move", repo, facts=facts, next_owner_id=owner.id))


def _check_free(tx: Tx, owner: Account, name: str, *, repo_id: int | None) -> None:
    key = names.lower(name)
    there = queries.repo_of_owner(tx.session, owner.id, key)
    if there is not None and there.id != repo_id:
        raise _exists(owner, name) if there.deleted_at is None else _used(name)
    former = queries.former_name(tx.session, owner.id, key)
    if former is not None and former.repo_id != repo_id:
        raise _used(name)


def _check_room(tx: Tx, owner: Account) -> None:
    if queries.count_repos(tx.session, owner.id) >= REPOS_MAX:
        message = f"An account has at most {REPOS_MAX} repositories, deleted ones included."
        raise TooManyRepos(message)


def _exists(owner: Account, name: str) -> RepoExists:
    return RepoExists(f"{owner.name} has a repository {name} already. Use it, or choose another.")


def _used(name: str) -> NameUsed:
    return NameUsed(
        f"The name {name} belonged to a repository that was deleted or renamed, and links to it "
        "stay its own. Choose another name.",
        place="name",
    )


def _refresh_library(tx: Tx, repo: Repository) -> None:
    from lorahub_server.library import service as library

    library.refresh(tx, repo)


def _show_in_library(tx: Tx, repo: Repository) -> None:
    from lorahub_server.library import service as library

    library.show(tx, repo)


def _bury(tx: Tx, repo: Repository, reason: str, *, for_cause: bool) -> None:
    from lorahub_server.library import tombstones

    tombstones.bury(tx, repo, tombstones.checked_reason(reason), for_cause=for_cause)


def _remove_from_library(tx: Tx, repo: Repository) -> None:
    from lorahub_server.library import service as library

    library.remove(tx, repo)


def _remove_from_collections(tx: Tx, repo: Repository) -> None:
    from lorahub_server.community.collections import items

    items.forget_repo(tx, repo)


def _remove_threads(tx: Tx, repo: Repository) -> None:
    from lorahub_server.community.discussions import service as discussions

    discussions.remove_all(tx, repo)


def _remove_previews(tx: Tx, repo: Repository) -> None:
    from lorahub_server.insight.previews import service as previews

    previews.remove_all(tx.session, repo.id)
