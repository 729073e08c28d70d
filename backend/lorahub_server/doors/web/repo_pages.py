"""What the pages of one repository have in common: who may what, the head, the tabs."""

from dataclasses import dataclass
from typing import Any

from lorahub_server.access import Tx, can_read_files, can_write
from lorahub_server.doors import links
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.previews import service as previews
from lorahub_server.library.model import RepoCard
from lorahub_server.library.opening import card_of, open_repo
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    href: str


def head_of(tx: Tx, repo: Repository, tab: str) -> dict[str, Any]:
    """Return what `repo_base.html` needs."""
    shown = card_of(tx, repo)
    shown.has_open_files = can_read_files(tx, repo)
    may_write = can_write(tx.caller, repo)
    may_look = may_write or (
        previews.has_any(tx, repo.id) if shown.has_previews is None else shown.has_previews
    )
    return {
        "caller": tx.caller,
        "is_private": repo.private,
        "repo": shown,
        "tab": tab,
        "tabs": _tabs(
            shown,
            may_write=may_write,
            may_play=_may_play(tx, shown),
            may_look=may_look,
        ),
        "can_write": may_write,
    }


def repo_of(tx: Tx, owner: str, name: str) -> Repository:
    """Return a repository that the caller may read; its card is at hand then."""
    return open_repo(tx, owner, name).repo


def repo_and_head(tx: Tx, owner: str, name: str, tab: str) -> tuple[Repository, dict[str, Any]]:
    repo = repo_of(tx, owner, name)
    return repo, head_of(tx, repo, tab)


def repo_at(
    tx: Tx, owner: str, name: str, revision: str, tab: str
) -> tuple[Repository, dict[str, Any], Place]:
    """Return a repository, its head, and the commit that a revision of it names, with its tree."""
    opened = open_repo(tx, owner, name, revision)
    return opened.repo, head_of(tx, opened.repo, tab), opened.place


def _may_play(tx: Tx, repo: RepoCard) -> bool:
    """Tell whether the hub has a base for it, held just now or not."""
    if not repo.adapters or not tx.settings.plays_per_hour:
        return False
    known = repo.has_base
    return bases.has_family(tx.session, repo.family) if known is None else known


def _tabs(repo: RepoCard, *, may_write: bool, may_play: bool, may_look: bool) -> list[Tab]:
    names = (repo.owner, repo.name)
    found = [Tab("card", "Card", links.repo(*names))]
    if repo.revision:
        found.append(Tab("files", "Files", links.tree(*names, repo.default_branch)))
        found.append(Tab("history", "History", links.commits(*names, repo.default_branch)))
    if repo.adapters:
        found.append(Tab("health", "Health", links.health(*names)))
    if repo.adapters and may_look:
        found.append(Tab("previews", "Previews", links.repo(*names, "previews")))
    if may_play:
        found.append(Tab("playground", "Playground", links.playground(*names)))
    found.append(Tab("discussions", "Discussions", links.repo(*names, "discussions")))
    if may_write:
        found.append(Tab("settings", "Settings", links.repo(*names, "settings")))
    return found
