"""Branches, tags and pull requests' refs, and from a name that a person gives to a commit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.access import Tx, require_scope
from lorahub_server.kit import names
from lorahub_server.repos import events, kept, queries_objects, queries_refs
from lorahub_server.repos.errors import (
    DefaultBranch,
    RefExists,
    RefNotFound,
    RevisionNotFound,
    TooManyRefs,
)
from lorahub_server.repos.history import CommitInfo, info_of
from lorahub_server.repos.limits import REFS_MAX
from lorahub_server.repos.messages import check_message
from lorahub_server.repos.objects import Person, tag_object
from lorahub_server.repos.queries_refs import Beside, Pair, Sought, Spot
from lorahub_server.repos.service import get_repo, keys_of, lock_for_write, readable
from lorahub_server.repos.tables import Repository

BRANCHES = queries_refs.BRANCHES
TAGS = "refs/tags/"
PULLS = "refs/pr/"
HEAD = "HEAD"
_PREFIX = re.compile(r"[0-9a-f]{7,39}")
_OID = re.compile(r"[0-9a-f]{40}")
# No ref has such a name.
_NOTHING = Sought(("",))
_REVISION_MAX = len(BRANCHES) + names.REF_MAX_BYTES


@dataclass(frozen=True, slots=True)
class RefInfo:
    name: str
    revision: str


@dataclass(frozen=True, slots=True)
class Place:
    """A commit and the tree of its files."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class GitRef:
    """A ref as git sees it: by its full name, at a commit or at a tag object that leads to one."""

    name: str
    oid: str
    commit: str


@dataclass(frozen=True, slots=True)
class RefList:
    branches: Sequence[RefInfo]
    tags: Sequence[RefInfo]


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository that the caller may read, and the place that a revision of it names."""

    repo: Repository
    revision: str
    _spot: Spot | None
    beside: Any = None

    @property
    def place(self) -> Place:
        """Raises RevisionNotFound: only here, after it was decided who may have the files."""
        place = _place(self.revision, self._spot)
        kept.keep_root(self.repo, place.commit, place.tree)
        return place


def open_at(tx: Tx, owner: str, name: str, revision: str, beside: Beside | None = None) -> Opened:
    """Do what `service.get_repo` and then `locate` do, in one statement.

    What is read `beside` the repository, if the caller may read that, is in the answer too.
    """
    sought = _sought(revision)
    if sought is None and beside is None:
        return Opened(get_repo(tx, owner, name), revision, None)
    keys = keys_of(owner, name)
    repo, spot, row = queries_refs.repo_and_spot(
        tx.session, tx.caller, keys, sought or Sought((None,)), beside
    )
    return Opened(readable(tx, keys, repo), revision, spot if sought else None, row)


@dataclass(frozen=True, slots=True)
class OpenedPair:
    """A repository that the caller may read, a commit of it, and one to compare that with."""

    repo: Repository
    _revisions: tuple[str, str | None]
    _spot: Spot | None
    _pair: Pair
    beside: Any

    @property
    def place(self) -> Place:
        """Raises RevisionNotFound, as `before` and `commit` do."""
        place = _place(self._revisions[0], self._spot)
        kept.keep_root(self.repo, place.commit, place.tree)
        if self._pair.data is not None:
            kept.keep_tree(self.repo, place.tree, self._pair.data)
        return place

    @property
    def before(self) -> str | None:
        """The other one; None where the commit is the first and nothing else was asked for."""
        revision, spot = self._revisions[1], self._pair.before
        if spot is None and revision is None:
            return None
        place = _place(revision or "", spot)
        kept.keep_root(self.repo, place.commit, place.tree)
        if self._pair.before_data is not None:
            kept.keep_tree(self.repo, place.tree, self._pair.before_data)
        return place.commit

    @property
    def commit(self) -> CommitInfo:
        _place(self._revisions[0], self._spot)
        assert self._pair.commit is not None
        return info_of(self._pair.commit)

    @property
    def refs(self) -> RefList:
        return _listed(self.repo, self._pair.refs)


def open_pair(
    tx: Tx,
    owner: str,
    name: str,
    revision: str,
    since: str | None,
    beside: Beside,
    *,
    with_refs: bool = False,
) -> OpenedPair:
    """Do what `open_at` does for two revisions, and read their trees: still in one statement.

    `since` None: the commit before.
    """
    sought, wanted = _sought(revision), None if since is None else _sought(since)
    keys = keys_of(owner, name)
    repo, spot, pair, row = queries_refs.repo_and_pair(
        tx.session,
        tx.caller,
        keys,
        sought or _NOTHING,
        _NOTHING if since is not None and wanted is None else wanted,
        beside,
        but=PULLS if with_refs else None,
    )
    return OpenedPair(readable(tx, keys, repo), (revision, since), spot, pair, row)


def resolve(tx: Tx, repo: Repository, revision: str) -> str:
    """Return the id of the commit that a branch, a tag, HEAD, or an id or its beginning names.

    A branch goes before a tag, and both before the beginning of an id. Raises RevisionNotFound.
    """
    return locate(tx, repo, revision).commit


def locate(tx: Tx, repo: Repository, revision: str) -> Place:
    """Do what `resolve` does, and tell the commit's tree as well."""
    sought = _sought(revision)
    spot = None if sought is None else queries_refs.spot(tx.session, repo.id, sought)
    place = _place(revision, spot)
    kept.keep_root(repo, place.commit, place.tree)
    return place


def head(tx: Tx, repo: Repository, branch: str | None = None) -> str | None:
    """Return the commit that the branch (the default one if None) is at; None: no such branch."""
    name = BRANCHES + (branch or repo.default_branch)
    if not names.is_text(name):
        return None
    return queries_refs.commits_of_refs(tx.session, repo.id, [name]).get(name)


def list_refs(tx: Tx, repo: Repository) -> RefList:
    """Return all branches, the default one first, and all tags by name."""
    found = queries_refs.refs_of(tx.session, repo.id, but=PULLS)
    return _listed(repo, [(ref.name, ref.commit_oid) for ref in found])


def _listed(repo: Repository, found: Iterable[tuple[str, str]]) -> RefList:
    branches, tags = [], []
    for name, commit in found:
        if name.startswith(BRANCHES):
            branches.append(RefInfo(name.removeprefix(BRANCHES), commit))
        elif name.startswith(TAGS):
            tags.append(RefInfo(name.removeprefix(TAGS), commit))
    branches.sort(key=lambda ref: (ref.name != repo.default_branch, ref.name))
    tags.sort(key=lambda ref: ref.name)
    return RefList(branches, tags)


def git_refs(tx: Tx, repo: Repository) -> list[GitRef]:
    """Return everything that has a name, sorted by it."""
    found = [
        GitRef(ref.name, ref.oid, ref.commit_oid)
        for ref in queries_refs.refs_of(tx.session, repo.id)
    ]
    return sorted(found, key=lambda ref: ref.name.encode())


def create_branch(tx: Tx, repo: Repository, name: str, revision: str) -> RefInfo:
    names.check_ref_name(name)
    lock_for_write(tx, repo)
    commit = resolve(tx, repo, revision)
    check_new_ref(tx, repo, BRANCHES + name)
    _set(tx, repo, BRANCHES + name, oid=commit, commit=commit)
    return RefInfo(name, commit)


def delete_branch(tx: Tx, repo: Repository, name: str) -> None:
    lock_for_write(tx, repo)
    if name == repo.default_branch:
        raise DefaultBranch
    _delete(tx, repo, BRANCHES + name, f"There is no branch {name}.")


def create_tag(tx: Tx, repo: Repository, name: str, revision: str, message: str = "") -> RefInfo:
    """Name a commit for good; with a message, in a tag object of its own."""
    account = require_scope(tx.caller, "write")
    names.check_ref_name(name)
    text = check_message(message) if message.strip() else None
    lock_for_write(tx, repo)
    commit = oid = resolve(tx, repo, revision)
    check_new_ref(tx, repo, TAGS + name)
    if text is not None:
        made = tag_object(name, commit, Person(account.name), tx.now, text)
        queries_objects.insert_objects(tx.session, repo.id, [made])
        oid = made.oid
    _set(tx, repo, TAGS + name, oid=oid, commit=commit)
    return RefInfo(name, commit)


def delete_tag(tx: Tx, repo: Repository, name: str) -> None:
    lock_for_write(tx, repo)
    _delete(tx, repo, TAGS + name, f"There is no tag {name}.")


def move_branch(tx: Tx, repo: Repository, branch: str, commit: str) -> None:
    """Let the branch be at the commit; make it if it is not there. The caller holds the lock."""
    move(tx, repo, BRANCHES + branch, commit)


def move(tx: Tx, repo: Repository, full: str, commit: str) -> None:
    """Let a ref, given by its full name, be at the commit. The caller holds the lock."""
    _set(tx, repo, full, oid=commit, commit=commit)


def check_new_ref(tx: Tx, repo: Repository, full: str) -> None:
    """Raise unless the ref can stand beside the others, in git's folders too.

    `a` and `a/b` would be a file and a folder; `Main` and `main` one file on many disks.
    """
    there = queries_refs.names_of(tx.session, repo.id, but=PULLS)
    if len(there) >= REFS_MAX:
        message = f"A repository has at most {REFS_MAX} branches and tags. Delete one first."
        raise TooManyRefs(message)
    kind = "branch" if full.startswith(BRANCHES) else "tag"
    name, key = full.split("/", 2)[2], full.casefold()
    for other in there:
        short, other_key = other.split("/", 2)[2], other.casefold()
        if other == full:
            raise RefExists(f"There is a {kind} {name} already.", place="name")
        if other_key == key:
            message = f"The {kind} {short} differs in case only; choose another name."
            raise RefExists(message, place="name")
        if other_key.startswith(f"{key}/") or key.startswith(f"{other_key}/"):
            message = f"Beside the {kind} {short} there can't be one named {name}; rename one."
            raise RefExists(message, place="name")


def _sought(revision: str) -> Sought | None:
    """Return what to look for; None: nothing can have this name."""
    if revision == HEAD:
        return Sought((None,))
    if len(revision) > _REVISION_MAX or not names.is_text(revision):
        return None
    value = revision.lower()
    if _OID.fullmatch(value):
        return Sought(prefix=value)  # no ref may look like an id
    full = (revision,) if revision.startswith("refs/") else (BRANCHES + revision, TAGS + revision)
    return Sought(full, value if _PREFIX.fullmatch(value) else "")


def _place(revision: str, spot: Spot | None) -> Place:
    if spot is None:
        raise _no_revision(revision)
    if spot.last != spot.commit:
        raise RevisionNotFound(f"Several commits begin with {revision}; give more of the id.")
    return Place(spot.commit, spot.tree)


def _no_revision(revision: str) -> RevisionNotFound:
    if revision == HEAD:
        return RevisionNotFound("The repository has no commit yet. Push something first.")
    shown = revision[:100] if revision.isprintable() else ""
    return RevisionNotFound(f"There is no branch, tag or commit {shown}. Check the spelling.")


def _set(tx: Tx, repo: Repository, full: str, *, oid: str, commit: str) -> None:
    before = _before(tx, repo, full)
    queries_refs.set_ref(tx.session, repo.id, full, oid=oid, commit_oid=commit, moment=tx.now)
    if before is not None:
        events.tell_moves(tx, repo, [events.RefMove(full, before or None, commit)])


def _delete(tx: Tx, repo: Repository, full: str, message: str) -> None:
    names.check_ref_name(full.split("/", 2)[2])
    before = _before(tx, repo, full)
    if not queries_refs.delete_ref(tx.session, repo.id, full):
        raise RefNotFound(message)
    if before is not None:
        events.tell_moves(tx, repo, [events.RefMove(full, before or None, None)])


def _before(tx: Tx, repo: Repository, full: str) -> str | None:
    """Return where a ref is, empty if it is not there; None when nobody listens."""
    if not events.is_heard(tx, repo):
        return None
    return queries_refs.commits_of_refs(tx.session, repo.id, [full]).get(full, "")
