"""From a wish to adapter files that work together, checked for one who may have them."""

from dataclasses import dataclass

from lorahub.adapters.families import names
from lorahub_server.access import Tx, require_files
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.insight.bases.recipes import image_recipe, text_recipe
from lorahub_server.insight.bases.service import Held
from lorahub_server.insight.playground.errors import (
    BadWish,
    NoBase,
    NothingToPlay,
    NotStackable,
    OtherFamily,
)
from lorahub_server.insight.playground.limits import (
    PROMPT_MAX,
    STACK_MAX,
    STEPS_MAX,
    STRENGTH_MAX,
)
from lorahub_server.insight.playground.model import Pick, Wish
from lorahub_server.insight.previews import plans
from lorahub_server.insight.previews.planning import File, use
from lorahub_server.insight.previews.prompts import is_seed
from lorahub_server.insight.previews.queries import wished_base
from lorahub_server.insight.previews.recipe import AdapterUse, ImageRecipe, TextRecipe
from lorahub_server.library import service as library
from lorahub_server.library.model import AdapterDetails, RepoDetails
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import RepoMoved
from lorahub_server.repos.tables import Repository

_GUIDANCE_MAX = 30


@dataclass(frozen=True, slots=True)
class Part:
    """An adapter file of a stack, and where it was found."""

    repo: Repository
    file: File
    family: str
    strength: float


@dataclass(frozen=True, slots=True)
class Ready:
    """A wish that can be fulfilled."""

    held: Held
    parts: list[Part]
    recipe: ImageRecipe | TextRecipe


def prepare(tx: Tx, repo: Repository, wish: Wish) -> Ready:
    """Return what is to be rendered.

    Raises what looking up repositories and files does, NothingToPlay, NoBase, OtherFamily, BadWish.
    """
    _check(wish)
    parts = _parts(tx, repo, wish)
    held = held_for(tx, repo, parts[0].family)
    uses = [use(part.file, part.strength) for part in parts]
    return Ready(held, parts, _recipe(held, uses, wish))


def held_for(tx: Tx, repo: Repository, family: str) -> Held:
    """Return the base that a repository's pictures are made with. Raises NoBase."""
    held = plans.choose_base(tx.session, family, wished_base(repo.id))
    if held is None:
        raise NoBase(family)
    return held


def part_of(tx: Tx, repo: Repository, path: str | None, strength: float, *, place: str) -> Part:
    """Return an adapter file to one who may have it. Raises NothingToPlay."""
    details = library.details(tx, repo)
    found, family = usable_of(tx, repo, details, path, place=place)
    assert details.repo.revision is not None
    file = plans.file_of(tx, repo, details.repo.revision, found)
    return Part(repo, file, family, strength)


def usable_of(
    tx: Tx, repo: Repository, details: RepoDetails, path: str | None, *, place: str
) -> tuple[AdapterDetails, str]:
    """Return an adapter file that may be rendered, and its family. Raises NothingToPlay."""
    require_files(tx, repo)
    found = _chosen(details.adapters, path)
    if found is None:
        what = f"no adapter file {path[:200]}" if path else "no adapter file"
        message = f"{repo.full_name} has {what}. Choose another one."
        raise NothingToPlay(message, place=place)
    if found.state in ("waiting", "running"):
        message = f"{found.name} is still being inspected. Try again in a moment."
        raise NothingToPlay(message, place=place)
    if not plans.is_usable(found):
        refusal = plans.refusal_of([found])
        message = refusal.message if refusal else f"{found.name} can't be rendered."
        raise NothingToPlay(message, place=place)
    if found.family is None:
        message = (
            f"The hub can't tell which base model {found.name} is made for. Name it in the card "
            "as base_model."
        )
        raise NothingToPlay(message, place=place)
    return found, found.family


def _recipe(held: Held, uses: list[AdapterUse], wish: Wish) -> ImageRecipe | TextRecipe:
    seed = wish.seed or 0
    if held.base.task == "text":
        return text_recipe(held, uses, wish.prompt, seed)
    given = {"steps": wish.steps, "guidance": wish.guidance}
    changes = {name: value for name, value in given.items() if value is not None}
    return image_recipe(held, uses, wish.prompt, seed, negative=wish.negative, **changes)


def _parts(tx: Tx, repo: Repository, wish: Wish) -> list[Part]:
    parts = [part_of(tx, repo, wish.path, wish.strength, place="path")]
    for at, pick in enumerate(wish.stack):
        place = f"stack.{at}"
        part = part_of(tx, _named(tx, pick, place), pick.path, pick.strength, place=place)
        if part.family != parts[0].family:
            message = (
                f"{part.repo.full_name} is made for {names.label(part.family)} and "
                f"{repo.full_name} for {names.label(parts[0].family)}, so they don't work "
                "together. Choose one of the same family."
            )
            raise OtherFamily(message, place=place)
        if any(part.file.sha256 == there.file.sha256 for there in parts):
            message = f"{part.repo.full_name} is in the stack already. Give it more strength there."
            raise BadWish(message, place=place)
        parts.append(part)
    return parts


def _named(tx: Tx, pick: Pick, place: str) -> Repository:
    owner, _, name = pick.repo.partition("/")
    try:
        try:
            return repos.get_repo(tx, owner, name)
        except RepoMoved as moved:
            return repos.get_repo(tx, moved.owner, moved.name)
    except RepoNotFound as error:
        raise NotStackable(pick.repo, place) from error


def _chosen(adapters: list[AdapterDetails], path: str | None) -> AdapterDetails | None:
    if path:
        return next((one for one in adapters if one.path == path), None)
    usable = [one for one in adapters if plans.is_usable(one)]
    return next(iter(usable or adapters), None)


def _check(wish: Wish) -> None:
    if not wish.prompt.strip():
        raise BadWish("Write a prompt: what shall be seen or told.", place="prompt")
    for name, text in (("prompt", wish.prompt), ("negative", wish.negative or "")):
        if len(text) > PROMPT_MAX:
            message = f"It has at most {PROMPT_MAX} characters. Shorten it."
            raise BadWish(message, place=name)
    if len(wish.stack) >= STACK_MAX:
        message = f"At most {STACK_MAX} adapters are stacked. Leave one out."
        raise BadWish(message, place="stack")
    if wish.seed is not None and not is_seed(wish.seed):
        raise BadWish("A seed is a whole number from 0 to 2^63 - 1.", place="seed")
    places = [("strength", wish.strength)]
    places += [(f"stack.{at}", pick.strength) for at, pick in enumerate(wish.stack)]
    for place, strength in places:
        if not -STRENGTH_MAX <= strength <= STRENGTH_MAX:
            message = f"A strength lies between -{STRENGTH_MAX:g} and {STRENGTH_MAX:g}."
            raise BadWish(message, place=place)
    if wish.steps is not None and not 1 <= wish.steps <= STEPS_MAX:
        raise BadWish(f"There are 1 to {STEPS_MAX} steps.", place="steps")
    if wish.guidance is not None and not 0 <= wish.guidance <= _GUIDANCE_MAX:
        message = f"Guidance lies between 0 and {_GUIDANCE_MAX}."
        raise BadWish(message, place="guidance")
