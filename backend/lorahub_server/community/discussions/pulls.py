"""Pull requests: who may open and change one, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lorahub_server.access import Tx, can_write, require_files, require_scope, require_write
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts.tables import Account
from lorahub_server.community.discussions import log, queries, service, tell
from lorahub_server.community.discussions.errors import (
    HeadMoved,
    MergeConflict,
    NoPullRequest,
    NothingToMerge,
    ThreadNotFound,
    WrongStatus,
)
from lorahub_server.community.discussions.tables import Thread
from lorahub_server.community.discussions.texts import check_comment, check_title, title_from
from lorahub_server.repos import build, diff, merge, pulls, refs, squash
from lorahub_server.repos import published as publications
from lorahub_server.repos.build import CommitResult
from lorahub_server.repos.diff import Change
from lorahub_server.repos.errors import BadCommit, RevisionNotFound
from lorahub_server.repos.merge import Sides
from lorahub_server.repos.operations import Operation
from lorahub_server.repos.service import keys_of, lock_for_read, lock_for_write, readable
from lorahub_server.repos.tables import Repository

_UNFINISHED = ("open", "draft")


@dataclass(frozen=True, slots=True)
class Opened:
    thread: Thread
    made: CommitResult


@dataclass(frozen=True, slots=True)
class State:
    """Of a pull request: its commit, where it parted from its branch, and what keeps it from it.

    `target_head` None: the branch is gone. `wrong`: why it can't be merged, besides conflicts.
    """

    head: str
    base: str | None
    target_head: str | None
    conflicts: Sequence[str] = ()
    wrong: str = ""
    changes: Sequence[Change] = field(default_factory=list)

    @property
    def is_mergeable(self) -> bool:
        return self.target_head is not None and not self.conflicts and not self.wrong


def require_opener(tx: Tx, repo: Repository) -> Account:
    """Whoever may read a repository's files may open a pull request."""
    require_files(tx, repo)
    return require_scope(tx.caller, "write")


def require_pusher(tx: Tx, repo: Repository, num: int, *, lock: bool = False) -> Thread:
    """Return a pull request that the caller may add commits to, or raise why not."""
    require_opener(tx, repo)
    try:
        thread = service.lock(tx, repo, num) if lock else service.get(tx, repo, num)
    except ThreadNotFound:
        thread = None
    return _pushable(tx, repo, num, thread)


def open_for_push(tx: Tx, owner: str, name: str, num: int) -> Repository:
    """Do what `get_repo` and then `require_pusher` do, in one statement."""
    keys = keys_of(owner, name)
    found, thread = queries.repo_and_thread(tx.session, keys, num)
    repo = readable(tx, keys, found)
    require_opener(tx, repo)
    _pushable(tx, repo, num, thread)
    return repo


def _pushable(tx: Tx, repo: Repository, num: int, thread: Thread | None) -> Thread:
    """Return the thread if the caller, who may open others, may add commits to it."""
    if thread is None or not thread.is_pull:
        message = f"There is no pull request {num} in this repository. Check the number."
        raise RevisionNotFound(message)
    if thread.author_id != tx.caller.account_id and not can_write(tx.caller, repo):
        message = "Only who opened the pull request, or may change the repository, may add to it."
        raise NotAllowed(message)
    if thread.status not in _UNFINISHED:
        message = f"The pull request {num} is {thread.status}. Open it again, or open another one."
        raise WrongStatus(message)
    return thread


def open_draft(
    tx: Tx, repo: Repository, title: str, text: str, branch: str | None = None
) -> Thread:
    """Open a pull request without commits, which come later."""
    wanted, comment = check_title(title), check_comment(text, place="text")
    require_opener(tx, repo)
    account = service.lock_to_begin(tx, repo)
    target = branch or repo.default_branch
    start = pulls.branch_head(tx, repo, target)
    thread = service.begin(
        tx, repo, account, wanted, comment, status="draft", target=target, base=start
    )
    pulls.move(tx, repo, thread.num, start)
    return thread


def open_with(
    tx: Tx,
    repo: Repository,
    branch: str,
    operations: Sequence[Operation],
    message: str,
    *,
    parent: str | None = None,
    description: str = "",
) -> Opened:
    """Open a pull request with one commit, on top of the branch or of `parent`."""
    wish = build.wanted(operations, message, description)
    comment = check_comment(description, place="description", may_be_empty=True)
    require_opener(tx, repo)
    account = service.lock_to_begin(tx, repo)
    there = pulls.branch_head(tx, repo, branch)
    start = there if parent is None else pulls.find_commit(tx, repo, parent)
    made = pulls.commit_on(tx, repo, start, wish)
    if not made.changed:
        raise BadCommit("The commit changes nothing, so there is nothing to ask for.")
    thread = service.begin(
        tx,
        repo,
        account,
        title_from(message),
        comment,
        status="open",
        target=branch,
        base=start,
    )
    pulls.move(tx, repo, thread.num, made.revision)
    note_commits(tx, repo, thread, made.revision, start)
    return Opened(thread, made)


def commit(
    tx: Tx,
    repo: Repository,
    num: int,
    operations: Sequence[Operation],
    message: str,
    *,
    parent: str | None = None,
    description: str = "",
) -> CommitResult:
    """Add a commit to a pull request. With `parent`, which may be shortened, only on top of it."""
    wish = build.wanted(operations, message, description)
    lock_for_read(tx, repo)
    thread = require_pusher(tx, repo, num, lock=True)
    head = pulls.head(tx, repo, num)
    pulls.check_parent(num, head, parent)
    made = pulls.commit_on(tx, repo, head, wish)
    if made.changed:
        pulls.move(tx, repo, num, made.revision)
        note_commits(tx, repo, thread, made.revision, head)
    return made


def squash_commits(tx: Tx, repo: Repository, num: int, message: str) -> str:
    """Let a pull request have one commit, of the files that it has now."""
    lock_for_read(tx, repo)
    thread = require_pusher(tx, repo, num, lock=True)
    head = pulls.head(tx, repo, num)
    # The one that is made has no parent, so that later nobody could find out.
    thread.base_oid = _base(tx, repo, thread, head)
    made = squash.orphan(tx, repo, head, message)
    pulls.move(tx, repo, num, made)
    note_commits(tx, repo, thread, made, None)
    return made


def note_commits(tx: Tx, repo: Repository, thread: Thread, head: str, before: str | None) -> None:
    """Write down in the thread what commits it got, up to where it was before."""
    account = require_scope(tx.caller, "write")
    until = [before, thread.base_oid]
    for made in pulls.new_commits(tx, repo, head, until):
        log.add_commit(tx, thread, account, made)
    tx.session.flush()


def state(tx: Tx, repo: Repository, thread: Thread, *, with_changes: bool = True) -> State:
    """Return what a pull request would change, and whether it can be merged."""
    head = pulls.head(tx, repo, thread.num)
    base = thread.base_oid if thread.status == "merged" else _base(tx, repo, thread, head)
    changes = diff.compare(tx, repo, base, head) if with_changes else []
    if thread.status == "merged":
        return State(head, base, None, changes=changes)
    target_head = refs.head(tx, repo, thread.target)
    if target_head is None:
        wrong = f"The branch {thread.target} is gone."
        return State(head, base, None, wrong=wrong, changes=changes)
    if _has_nothing(tx, repo, target_head, head):
        wrong = f"{thread.target} has everything that is in it."
        return State(head, base, target_head, wrong=wrong, changes=changes)
    conflicts = merge.plan(tx, repo, Sides(base, target_head, head)).conflicts
    return State(head, base, target_head, conflicts, changes=changes)


def merge_pull(
    tx: Tx, repo: Repository, num: int, *, text: str = "", head: str | None = None
) -> Thread:
    """Merge an open pull request. With `head`, only if it still is at this commit."""
    said = check_comment(text, may_be_empty=True)
    require_write(tx.caller, repo)
    lock_for_write(tx, repo)
    thread = service.lock(tx, repo, num)
    _check_open(thread)
    account = require_scope(tx.caller, "write")
    log.check_acting(tx, account)
    theirs = pulls.head(tx, repo, num)
    if head is not None and head.lower() != theirs:
        raise HeadMoved(theirs)
    assert thread.target is not None
    ours = pulls.branch_head(tx, repo, thread.target)
    if _has_nothing(tx, repo, ours, theirs):
        message = f"{thread.target} has everything that is in it. Close the pull request."
        raise NothingToMerge(message)
    plan = merge.plan(tx, repo, Sides(_base(tx, repo, thread, theirs), ours, theirs))
    if not plan.is_clean:
        raise MergeConflict(thread.target, plan.conflicts)
    made = merge.merge(tx, repo, plan, f"{thread.title} (#{num})")
    refs.move_branch(tx, repo, thread.target, made)
    publications.note_change(tx, repo, [thread.target])
    if said:
        tell.said(tx, repo, thread, log.add_comment(tx, thread, account, said))
    thread.merge_oid, thread.base_oid = made, plan.sides.base
    log.add_status(tx, thread, account, "merged")
    tell.changed(tx, repo, thread)
    return thread


def _check_open(thread: Thread) -> None:
    if not thread.is_pull:
        raise NoPullRequest(thread.num)
    if thread.status == "draft":
        raise WrongStatus("The pull request is a draft. Open it first.")
    if thread.status != "open":
        raise WrongStatus(f"The pull request is {thread.status} already.")


def _base(tx: Tx, repo: Repository, thread: Thread, head: str) -> str | None:
    """Return where the pull request parted from its branch, as far as anybody can tell."""
    assert thread.target is not None
    ours = refs.head(tx, repo, thread.target)
    found = None if ours is None else pulls.merge_base(tx, repo, ours, head)
    return found or thread.base_oid


def _has_nothing(tx: Tx, repo: Repository, ours: str, theirs: str) -> bool:
    """Tell whether the branch leads to the pull request's commit already."""
    return pulls.merge_base(tx, repo, ours, theirs) == theirs
