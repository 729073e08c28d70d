"""Where a commit shall go."""

from lorahub_server.access import Tx
from lorahub_server.doors.hf.errors import NotOffered
from lorahub_server.repos import refs, service
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository

__all__ = ["Place", "branch_of", "open_repo", "tree_of"]

_NO_PULL_REQUESTS = (
    "This hub takes no pull requests by this way yet. Ask the owner to let you write, or copy the "
    "repository to one of your own."
)


def branch_of(revision: str, *, create_pr: bool) -> str:
    """Return the name of the branch that a revision means."""
    if create_pr:
        raise NotOffered(_NO_PULL_REQUESTS)
    return revision.removeprefix(refs.BRANCHES)


def open_repo(tx: Tx, owner: str, name: str) -> Repository:
    return service.get_repo_for_write(tx, owner, name)


def tree_of(tx: Tx, repo: Repository, branch: str) -> Place | None:
    """Return where the branch is; None: it is the default one of an empty repository."""
    try:
        return refs.locate(tx, repo, refs.BRANCHES + branch)
    except RevisionNotFound as error:
        if branch == repo.default_branch:
            return None
        message = f"There is no branch {branch}. Make it first."
        raise RevisionNotFound(message) from error
