"""The text of a card as it is shown: links and pictures lead into the repository."""

from lorahub_server.access import Tx, can_read_files
from lorahub_server.doors import links
from lorahub_server.kit import markdown
from lorahub_server.library.card import split_heading
from lorahub_server.repos.tables import Repository


def card_html(
    tx: Tx, repo: Repository, body: str, revision: str | None
) -> markdown.SafeHtml | None:
    """Return a card's Markdown as HTML, without its title; None where there is nothing to see."""
    _title, body = split_heading(body)  # the page has it already
    if not body.strip():
        return None
    names = (repo.owner.name, repo.name)
    raw_base = f"{links.repo(*names, 'resolve')}/{links.piece(revision or repo.default_branch)}/"
    shown = markdown.render(
        body,
        link_base=f"{links.repo(*names, 'blob')}/{links.piece(repo.default_branch)}/",
        raw_base=raw_base if can_read_files(tx, repo) else None,
    )
    # A text may hold nothing to see, such as a comment.
    return shown if shown.strip() else None
