"""The members of a pack: many adapters in one repository, each with a picture, words and a hash."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.web import groups, pictures, words
from lorahub_server.doors.web.windows import window
from lorahub_server.insight.previews.limits import SHOWN_WHOLE_MAX
from lorahub_server.insight.previews.model import MILD, Gallery, Shown
from lorahub_server.library import derive, snippets
from lorahub_server.library.model import AdapterDetails, RepoCard, RepoDetails
from lorahub_server.repos import lookup, refs
from lorahub_server.repos.tables import Repository

ROWS = 24
_WORDS = 3
_AUTOV2 = 10
# What a picture beside a file is called: the file's own name, with these before the ending.
_MARKS = ("", ".preview")
_OF_FOLDERS = ("cover", "preview")
_ENDINGS = sorted(words.PICTURES)


@dataclass(frozen=True, slots=True)
class Member:
    """`form`: which of several forms of the same adapter it is; `prompt_tag`: see snippets."""

    item: AdapterDetails
    title: str
    form: str
    cover: str
    words: list[str]
    autov2: str
    prompt_tag: str | None
    is_damaged: bool


@dataclass(frozen=True, slots=True)
class Pack:
    """Those members in whose names and trigger words `text` is found, from `first` (1) on."""

    text: str
    members: list[Member]
    first: int
    found: int
    total: int
    before: str | None
    after: str | None


def of(
    tx: Tx, repo: Repository, details: RepoDetails, gallery: Gallery, text: str, start: int
) -> Pack | None:
    """Return a page of the members; None where there is one adapter, or none."""
    if len(details.adapters) <= 1:
        return None
    found = [item for item in details.adapters if _holds(item, text.lower().split())]
    address = links.repo(repo.owner.name, repo.name)

    def at(number: int | None) -> str:
        return links.query(address, member=text, start=number) + "#members"

    page = window(found, start, ROWS, at)
    covers = _previews(details.repo, gallery) | _files(tx, repo, details.repo, page.rows)
    return Pack(
        text=text,
        members=[_member(details, item, covers) for item in page.rows],
        first=page.first,
        found=len(found),
        total=len(details.adapters),
        before=page.before,
        after=page.after,
    )


def _holds(item: AdapterDetails, wanted: Collection[str]) -> bool:
    text = "\n".join([item.path, *_own_words(item)]).lower()
    return all(word in text for word in wanted)


def _member(details: RepoDetails, item: AdapterDetails, covers: Mapping[str, str]) -> Member:
    form = groups.form_of(item.path, item.summary)
    drawn = pictures.drawn_cover_url(f"{details.repo.full_name}/{item.path}", item.family)
    return Member(
        item=item,
        title=derive.prettified(form.title),
        form=form.form,
        cover=covers.get(item.path, drawn),
        words=_own_words(item)[:_WORDS],
        autov2=item.sha256[:_AUTOV2],
        prompt_tag=snippets.prompt_tag(details, item),
        is_damaged=derive.file_health(item) == "damaged",
    )


def _own_words(item: AdapterDetails) -> list[str]:
    return [word for word in item.summary.get("trigger_words") or [] if isinstance(word, str)]


def _previews(card: RepoCard, gallery: Gallery) -> dict[str, str]:
    """Return by a file's path its first picture that anybody may be shown."""
    found: dict[str, Shown] = {}
    for one in gallery.all:
        if one.path and one.picture is not None and one.maturity in MILD:
            found.setdefault(one.path, one)
    return {path: links.small_preview(card.owner, card.name, one.id) for path, one in found.items()}


def _files(
    tx: Tx, repo: Repository, card: RepoCard, items: Sequence[AdapterDetails]
) -> dict[str, str]:
    """Return by a file's path the picture that lies beside it, if it is no large one."""
    if card.revision is None or not card.has_open_files or not items:
        return {}
    wanted = {item.path: _beside(item.path) for item in items}
    tree = refs.locate(tx, repo, card.revision).tree
    paths = {path for candidates in wanted.values() for path in candidates}
    there = lookup.find_many(tx, repo, tree, paths)
    found = {}
    for path, candidates in wanted.items():
        own = (there[one] for one in candidates if one in there)
        picture = next((one for one in own if one.is_file and one.size <= SHOWN_WHOLE_MAX), None)
        if picture is not None:
            found[path] = links.resolve(card.owner, card.name, card.revision, picture.path)
    return found


def _beside(path: str) -> list[str]:
    """Return what the picture of a file may be called, the likeliest first."""
    file = PurePosixPath(path)
    names = [file.stem + mark for mark in _MARKS]
    names += _OF_FOLDERS if file.parent.name else ()
    return [(file.parent / f"{name}.{end}").as_posix() for name in names for end in _ENDINGS]
