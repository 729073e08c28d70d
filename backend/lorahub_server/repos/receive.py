"""A push: everything in it is checked first, then it becomes so in one short transaction.

All of its refs move, or none does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.kit import names
from lorahub_server.repos import pulls, queries_pack, receive_files, refs
from lorahub_server.repos.errors import DefaultBranch
from lorahub_server.repos.limits import REFS_MAX
from lorahub_server.repos.pack_read import Unpacked
from lorahub_server.repos.published import beside
from lorahub_server.repos.queries_pack import CommitFacts
from lorahub_server.repos.receive_commits import Commits, Target, target_of
from lorahub_server.repos.receive_errors import (
    BadPush,
    NotForward,
    PushRefused,
    StaleRef,
    about,
    in_commit,
)
from lorahub_server.repos.receive_files import Files, Pointer
from lorahub_server.repos.receive_objects import Objects
from lorahub_server.repos.receive_trees import Changes
from lorahub_server.repos.refs import BRANCHES, TAGS
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Update:
    """What a ref shall be at; `old` None: it is new, `new` None: it goes."""

    ref: str
    old: str | None
    new: str | None

    @property
    def branch(self) -> str | None:
        return self.ref.removeprefix(BRANCHES) if self.ref.startswith(BRANCHES) else None

    @property
    def pull(self) -> int | None:
        """The number of the pull request that it is about."""
        return pulls.number_of(self.ref)

    @property
    def opens(self) -> str | None:
        """The branch for which it opens a pull request."""
        opening = pulls.OPENING
        return self.ref.removeprefix(opening) if self.ref.startswith(opening) else None


@dataclass(frozen=True, slots=True)
class Move:
    """An update that was checked; `commit` is what the ref then leads to."""

    update: Update
    commit: str | None


@dataclass(slots=True)
class Prepared:
    """What is to be written. `configs`: by the pointer's path and id what lies beside it."""

    moves: list[Move] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, None] = field(default_factory=dict)
    pointers: list[tuple[str, Pointer]] = field(default_factory=list)
    configs: dict[Pointer, str | None] = field(default_factory=dict)


def check(tx: Tx, repo: Repository, updates: Sequence[Update], unpacked: Unpacked) -> Prepared:
    """Raise PushRefused, or BadPack; needs no more than a reading transaction."""
    check_refs(tx, repo, updates)

    def read(oids: Collection[str]) -> dict[str, tuple[str, bytes]]:
        return queries_pack.objects(tx.session, repo.id, oids)

    unpacked.resolve(read)
    return _Check(tx, repo, unpacked).all(updates)


def check_refs(tx: Tx, repo: Repository, updates: Sequence[Update]) -> None:
    """Raise PushRefused for what can be told without looking at any commit."""
    there = {ref.name: ref.oid for ref in refs.git_refs(tx, repo)}
    if len(updates) > REFS_MAX:
        message = f"A push changes at most {REFS_MAX} branches and tags. Push fewer at once."
        raise PushRefused(updates[0].ref, BadPush(message))
    seen: set[str] = set()
    default = BRANCHES + repo.default_branch
    makes_default = any(update.ref == default and update.new for update in updates)
    for update in updates:
        with about(update.ref):
            if update.pull is None and update.opens is None:
                _check_name(update.ref)
            else:
                _check_pull(update, there)
            if update.ref in seen:
                raise BadPush("The ref is there twice. Push it once.")
            seen.add(update.ref)
            if there.get(update.ref) != update.old:
                raise StaleRef(update.ref)
            if update.new is None and update.ref == default:
                raise DefaultBranch
            if default not in there and not makes_default:
                branch = repo.default_branch
                raise BadPush(
                    f"The repository has no commit yet, and its first branch is {branch}. Run "
                    f"`git push origin HEAD:{branch}`."
                )


def _check_name(ref: str) -> None:
    kind = next((kind for kind in (BRANCHES, TAGS) if ref.startswith(kind)), None)
    if kind is None:
        raise BadPush(
            "Only branches, tags and pull requests can be pushed: refs/heads/..., refs/tags/..., "
            f"{pulls.OPENING}... to open a pull request, and refs/pr/ with its number to add to it."
        )
    names.check_ref_name(ref.removeprefix(kind))


def _check_pull(update: Update, there: Collection[str]) -> None:
    if update.new is None:
        raise BadPush("A pull request can't be deleted. Close it on its page.")
    if update.opens is not None and BRANCHES + update.opens not in there:
        message = "There is no branch of this name that a pull request could be for."
        raise BadPush(message, place=update.opens)
    if update.pull is not None and update.ref not in there:
        raise BadPush(
            f"There is no pull request {update.pull}. To open one, run "
            f"`git push origin HEAD:{pulls.OPENING}main`."
        )


class _Check:
    def __init__(self, tx: Tx, repo: Repository, unpacked: Unpacked) -> None:
        self._tx = tx
        self._repo = repo
        self._objects = Objects(tx, repo, unpacked)
        self._commits = Commits(self._objects)
        self._changes = Changes(self._objects)
        self._prepared = Prepared()

    def all(self, updates: Sequence[Update]) -> Prepared:
        for update in updates:
            with about(update.ref):
                self._update(update)
        self._prepared.objects |= dict.fromkeys(sorted(self._changes.trees))
        return self._prepared

    def _update(self, update: Update) -> None:
        made = self._prepared
        if update.new is None:
            made.moves.append(Move(update, None))
            return
        is_branch = not update.ref.startswith(TAGS)
        target = target_of(self._objects, update.new, is_branch=is_branch)
        seen = len(self._changes.files)
        added = self._commits.add(target.commit)
        for oid in added:
            self._look_at(oid)
        if update.branch == self._repo.default_branch and update.old is not None:
            self._check_forward(update.branch, update.old, target)
        files = dict(islice(self._changes.files.items(), seen, None))
        found = receive_files.check(self._objects, files)
        head = self._commits.known[target.commit]
        if is_branch and target.commit in self._commits.new:
            receive_files.check_head(self._objects, self._changes.files, head.tree)
        made.moves.append(Move(update, target.commit))
        made.commits += [self._commits.row(oid) for oid in added]
        tags = [oid for oid in target.tags if oid in self._objects.unpacked]
        made.objects |= dict.fromkeys([*added, *tags, *sorted(found.blobs)])
        self._note(update.ref, found, head)

    def _look_at(self, oid: str) -> None:
        """Note what a commit changes, and how many files it has."""
        node = self._commits.new[oid]
        base = self._commits.known[node.parents[0]] if node.parents else CommitFacts("", 0)
        with in_commit(oid):
            files = self._changes.look_at(oid, node.tree, base.tree or None, base.files)
        self._commits.known[oid] = CommitFacts(node.tree, files)

    def _check_forward(self, branch: str, old: str, target: Target) -> None:
        if not self._commits.is_forward(old, target.commit):
            raise NotForward(branch)

    def _note(self, ref: str, found: Files, head: CommitFacts) -> None:
        """Note the pointers, and the configuration beside each, as new as there is one."""
        for pointer in found.pointers:
            there = self._objects.find(head.tree, pointer.path)
            is_in_head = there is not None and there.oid == pointer.oid
            newest = head if is_in_head else self._commits.known[pointer.commit]
            config = self._objects.find(newest.tree, beside(pointer.path))
            self._prepared.pointers.append((ref, pointer))
            self._prepared.configs[pointer] = None if config is None else config.oid
