"""What a playground can do for a repository: its base, its files, prompts to begin with."""

from dataclasses import dataclass, field, replace

from lorahub_server.access import Tx, passes_gate, require_read
from lorahub_server.insight.playground import queries, service, standing
from lorahub_server.insight.playground.limits import OFFERED
from lorahub_server.insight.playground.model import Shown
from lorahub_server.insight.playground.queries import Row
from lorahub_server.insight.playground.stack import held_for, usable_of
from lorahub_server.insight.playground.standing import named_in
from lorahub_server.insight.previews import plans, prompts
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.pagination import Page
from lorahub_server.library import search
from lorahub_server.library import service as library
from lorahub_server.library.model import RepoCard, RepoDetails
from lorahub_server.repos.tables import Repository

_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class Desk:
    """`refusal`: why nothing can be asked for here; then the rest is what is known anyway."""

    family: str | None = None
    base_title: str = ""
    task: str = "image"
    steps: int = 20
    guidance: float = 5.0
    negative: str = ""
    # Adapter files to choose from, the usual one first.
    files: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    refusal: HubError | None = None


def desk(tx: Tx, repo: Repository) -> Desk:
    require_read(tx.caller, repo)
    details = library.details(tx, repo)
    usable = [one for one in details.adapters if plans.is_usable(one)]
    family = next((one.family for one in usable), None)
    try:
        usable_of(tx, repo, details, None, place="path")
        held = held_for(tx, repo, family or "")
    except HubError as error:
        files = [one.path for one in usable]
        shown = _prompts(details, family or "", "image")
        return Desk(family=family, files=files, prompts=shown, refusal=error)
    base = held.base
    return Desk(
        family=family,
        base_title=base.title,
        task=base.task,
        steps=base.steps,
        guidance=base.guidance,
        negative=base.negative,
        files=[one.path for one in usable if one.family == family],
        prompts=_prompts(details, family or "", base.task),
    )


@dataclass(frozen=True, slots=True)
class Offered:
    """An adapter that may be stacked on another."""

    owner: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What a playground shows beside its form: a play, if one was asked for, and those before."""

    offered: list[Offered]
    play: Shown | None
    history: Page[Shown]


def offered(tx: Tx, repo: Repository, family: str | None, text: str) -> list[RepoCard]:
    """Return what may be stacked on a repository and has the words of a text.

    The caller's own, starred, then what is popular; only what the caller may see is ever found.
    """
    if family is None:
        return []
    wanted = search.Query(text=text, family=family, with_adapters=True)
    asked: list[search.Query] = []
    if tx.caller.name is not None:
        asked.append(replace(wanted, owner=tx.caller.name))
        asked.append(replace(wanted, starred_by=tx.caller.account_id))
    asked.append(wanted)
    found: dict[int, RepoCard] = {}
    for one in asked:
        for card in search.find(tx, one, limit=OFFERED).items:
            if card.id != repo.id and card.has_open_files:
                found.setdefault(card.id, card)
    return list(found.values())[:OFFERED]


def stage(
    tx: Tx, repo: Repository, family: str | None, play_id: int | None = None, after: str = ""
) -> Stage:
    """Return what may be stacked, and the caller's plays here: two statements.

    `play_id`: the one to show. Raises LoginRequired and PlayNotFound.
    """
    there: Page[Row] = Page()
    if not tx.caller.is_anonymous:
        there = service.rows(tx, repo, after or None)
    rows = list(there.items)
    if play_id is not None:
        listed = next((row for row in rows if row.play.id == play_id), None)
        rows.append(listed or service.row_of(tx, play_id))
    named = named_in([row.play for row in rows])
    known = queries.beside(tx.session, tx.caller, family, named, OFFERED + 1)
    shown = standing.shown(rows, known.named)
    return Stage(
        _offered(tx, repo, known),
        shown.pop() if play_id is not None else None,
        Page(shown, there.next_cursor),
    )


def _offered(tx: Tx, repo: Repository, known: queries.Known) -> list[Offered]:
    found = [one for one in known.offered if one.id != repo.id and passes_gate(tx.caller, one)]
    return [Offered(one.owner.name, one.name, known.titles[one.id]) for one in found[:OFFERED]]


def _prompts(details: RepoDetails, family: str, task: str) -> list[str]:
    card = details.card
    words = prompts.card_words(
        [widget.text for widget in card.widget], card.instance_prompt, details.repo.trigger_words
    )
    made = prompts.for_texts(words) if task == "text" else prompts.for_pictures(family, words)
    return [one.text for one in made][:_PROMPTS]
