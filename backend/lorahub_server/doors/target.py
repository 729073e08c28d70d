"""Where a commit shall go: to a branch, to a pull request, or to one that it opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.community.discussions import pulls
from lorahub_server.repos import pulls as pull_refs
from lorahub_server.repos import refs, service
from lorahub_server.repos.commit import CommitResult, Operation, commit
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository

__all__ = ["Place", "Target", "commit_to", "head_of", "of", "open_repo", "tree_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """`pull`: the number of the pull request that it goes to, if it does.

    `opens`: a pull request for the branch is opened with it.
    """

    branch: str
    pull: int | None = None
    opens: bool = False


def of(revision: str, *, create_pr: bool = False) -> Target:
    """Return what a revision means as a place for commits."""
    num = None if create_pr else pull_refs.number_of(revision)
    return Target(revision.removeprefix(refs.BRANCHES), num, create_pr)


def open_repo(tx: Tx, owner: str, name: str, target: Target) -> Repository:
    """Return the repository for one who may send a commit there."""
    if target.opens:
        repo = service.get_repo(tx, owner, name)
        pulls.require_opener(tx, repo)
    elif target.pull is not None:
        repo = pulls.open_for_push(tx, owner, name, target.pull)
    else:
        repo = service.get_repo_for_write(tx, owner, name)
    return repo


def head_of(tx: Tx, repo: Repository, target: Target) -> str | None:
    """Return the commit there; None: there is no such branch."""
    if target.pull is not None:
        return pull_refs.head(tx, repo, target.pull)
    return refs.head(tx, repo, target.branch)


def commit_to(
    tx: Tx,
    repo: Repository,
    target: Target,
    operations: Sequence[Operation],
    message: str,
    *,
    parent: str | None = None,
    description: str = "",
) -> tuple[CommitResult, int | None]:
    """Make a commit there; return also the number of the pull request that it opened."""
    more: dict[str, Any] = {"parent": parent, "description": description}
    if target.opens:
        opened = pulls.open_with(tx, repo, target.branch, operations, message, **more)
        return opened.made, opened.thread.num
    if target.pull is not None:
        return pulls.commit(tx, repo, target.pull, operations, message, **more), None
    return commit(tx, repo, target.branch, operations, message, **more), None


def tree_of(tx: Tx, repo: Repository, target: Target) -> Place | None:
    """Return where the branch or pull request is; None: the default branch of an empty one."""
    if target.pull is not None:
        return refs.locate(tx, repo, pull_refs.ref_of(target.pull))
    branch = target.branch
    try:
        return refs.locate(tx, repo, refs.BRANCHES + branch)
    except RevisionNotFound as error:
        if branch == repo.default_branch and not target.opens:
            return None
        message = f"There is no branch {branch}. Make it first."
        raise RevisionNotFound(message) from error
