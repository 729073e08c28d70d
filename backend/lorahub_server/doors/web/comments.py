"""Comments as HTML, kept for a while: the same ones are read again and again."""

from lorahub_server.community.discussions.tables import ThreadEvent
from lorahub_server.doors import links
from lorahub_server.kit import markdown
from lorahub_server.kit.kept import Kept
from lorahub_server.kit.markdown import SafeHtml
from lorahub_server.repos.tables import Repository

HIDDEN = "This comment has been hidden"
# Characters of all that are kept.
_KEPT = 4_000_000

_kept: Kept[tuple[str, str, str, bool], SafeHtml] = Kept(_KEPT, lambda html: len(html) + 100)


def html_of(repo: Repository, text: str, *, with_pictures: bool = True) -> SafeHtml:
    """Return a text as HTML; its relative links lead into the repository."""
    key = (repo.full_name, repo.default_branch, text, with_pictures)
    found = _kept.get(key)
    if found is None:
        names = (repo.owner.name, repo.name)
        branch = links.piece(repo.default_branch)
        raw_base = f"{links.repo(*names, 'resolve')}/{branch}/"
        found = markdown.render(
            text,
            link_base=f"{links.repo(*names, 'blob')}/{branch}/",
            raw_base=raw_base if with_pictures else None,
        )
        _kept.put(key, found)
    return found


def text_of(event: ThreadEvent) -> str:
    """Return what a comment says, for those who may see it: nobody sees a hidden one."""
    return HIDDEN if event.hidden_at is not None else event.text or ""
