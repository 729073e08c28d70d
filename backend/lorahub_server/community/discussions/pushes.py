"""Pushes of git to pull requests: `refs/pr/N` adds to one, `refs/for/BRANCH` opens one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lorahub_server.access import Tx, can_write, require_write
from lorahub_server.access.errors import NotAllowed
from lorahub_server.community.discussions import pulls, service
from lorahub_server.community.discussions.errors import NothingToMerge
from lorahub_server.community.discussions.limits import COMMENT_MAX
from lorahub_server.community.discussions.tables import Thread
from lorahub_server.community.discussions.texts import title_from
from lorahub_server.repos import history
from lorahub_server.repos import pulls as refs
from lorahub_server.repos.pack_read import Unpacked
from lorahub_server.repos.receive import Move, Prepared, Update
from lorahub_server.repos.receive_apply import apply
from lorahub_server.repos.receive_errors import about
from lorahub_server.repos.service import lock_for_read
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a ref that is about a pull request."""

    num: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Task:
    thread: Thread
    move: Move
    is_new: bool


def is_open_to_readers(update: Update) -> bool:
    """Tell whether somebody who may not write could push this."""
    return update.pull is not None or update.opens is not None


def check_rights(tx: Tx, repo: Repository, updates: Sequence[Update]) -> None:
    """Raise PushRefused for the first ref that the caller may not push to."""
    for update in updates:
        with about(update.ref):
            if update.pull is not None:
                pulls.require_pusher(tx, repo, update.pull)
            elif update.opens is not None:
                pulls.require_opener(tx, repo)
            elif can_write(tx.caller, repo):
                require_write(tx.caller, repo)
            else:
                raise not_a_writer(repo)


def not_a_writer(repo: Repository) -> NotAllowed:
    return NotAllowed(
        "Only its owner may change this repository, or a member of its organisation whose role "
        "allows it. To ask for the change, run "
        f"`git push origin HEAD:{refs.OPENING}{repo.default_branch}`: it opens a pull request."
    )


def publish(tx: Tx, repo: Repository, prepared: Prepared, unpacked: Unpacked) -> list[Done]:
    """Let a push that was checked become so, with the pull requests that it opens."""
    lock_for_read(tx, repo)
    check_rights(tx, repo, [move.update for move in prepared.moves])
    tasks: list[_Task] = []
    moves: list[Move] = []
    for move in prepared.moves:
        with about(move.update.ref):
            if move.update.opens is not None:
                thread = _open(tx, repo, move, prepared)
                ref = refs.ref_of(thread.num)
                moves.append(replace(move, update=replace(move.update, ref=ref)))
                tasks.append(_Task(thread, move, is_new=True))
                continue
            moves.append(move)
            if move.update.pull is not None:
                thread = pulls.require_pusher(tx, repo, move.update.pull, lock=True)
                tasks.append(_Task(thread, move, is_new=False))
    apply(tx, repo, replace(prepared, moves=moves), unpacked)
    for task in tasks:
        with about(task.move.update.ref):
            _note(tx, repo, task)
    return [Done(task.thread.num, task.is_new) for task in tasks]


def _open(tx: Tx, repo: Repository, move: Move, prepared: Prepared) -> Thread:
    account = service.lock_to_begin(tx, repo)
    message = _message(tx, repo, move.commit or "", prepared)
    _, _, rest = message.strip().partition("\n")
    # A commit's message may be longer than a comment.
    text = rest.strip().encode()[:COMMENT_MAX].decode(errors="ignore")
    return service.begin(
        tx,
        repo,
        account,
        title_from(message),
        text,
        status="open",
        target=move.update.opens,
    )


def _message(tx: Tx, repo: Repository, commit: str, prepared: Prepared) -> str:
    for row in prepared.commits:
        if row["oid"] == commit:
            return str(row["message"])
    return history.get_commit(tx, repo, commit).message


def _note(tx: Tx, repo: Repository, task: _Task) -> None:
    thread, head = task.thread, task.move.commit or ""
    if task.is_new:
        assert thread.target is not None
        there = refs.branch_head(tx, repo, thread.target)
        thread.base_oid = refs.merge_base(tx, repo, there, head)
        if thread.base_oid == head:
            raise NothingToMerge(
                f"{thread.target} has all of these commits already. Commit something, then push."
            )
    before = None if task.is_new else task.move.update.old
    pulls.note_commits(tx, repo, thread, head, before)
