"""What a playground can do for a repository: its base, its files, prompts to begin with."""

from dataclasses import dataclass, field, replace

from lorahub_server.access import Tx, require_read
from lorahub_server.insight.playground.limits import OFFERED
from lorahub_server.insight.playground.stack import held_for, part_of
from lorahub_server.insight.previews import plans, prompts
from lorahub_server.kit.errors import HubError
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
        part_of(tx, repo, None, 1.0, place="path")
        held = held_for(tx, repo, family or "")
    except HubError as error:
        files = [one.path for one in usable]
        shown = _prompts(tx, repo, details, family or "", "image")
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
        prompts=_prompts(tx, repo, details, family or "", base.task),
    )


def offered(tx: Tx, repo: Repository, family: str | None, text: str = "") -> list[RepoCard]:
    """Return what may be stacked on a repository: the caller's own, starred, then what is popular.

    Only what the caller may see is ever found.
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


def _prompts(tx: Tx, repo: Repository, details: RepoDetails, family: str, task: str) -> list[str]:
    card = library.card_of(tx, repo, details.repo.revision)
    words = prompts.card_words(
        [widget.text for widget in card.widget], card.instance_prompt, details.repo.trigger_words
    )
    made = prompts.for_texts(words) if task == "text" else prompts.for_pictures(family, words)
    return [one.text for one in made][:_PROMPTS]
