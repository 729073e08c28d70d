"""Repositories: found, made, shown, changed, deleted."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from lorahub_server.access import Tx, require_login
from lorahub_server.community import stars
from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.schemas import (
    Cursor,
    Limit,
    Owner,
    RepoName,
    Text,
    Time,
    example,
)
from lorahub_server.kit.pagination import Page
from lorahub_server.library import search, syntax
from lorahub_server.library import service as library
from lorahub_server.library.model import RepoCard
from lorahub_server.repos import service
from lorahub_server.repos.tables import Repository

router = APIRouter(tags=["repositories"])


class RepoOut(BaseModel):
    """`family` is what the weights say, `family_declared` what the card does. `forked_from` is told
    to those who may see that repository. `gated`: its files wait for a request, which is accepted
    by hand (`manual`) or at once (`auto`).
    """

    model_config = example(examples.REPO)

    id: str
    owner: str
    name: str
    private: bool
    gated: Literal["auto", "manual"] | None
    default_branch: str
    revision: str | None
    title: str
    summary: str
    license: str | None
    base_model: str | None
    family: str | None
    family_declared: str | None
    layout: str | None
    method: str | None
    rank: int | None
    size: int
    trigger_words: list[str]
    tags: list[str]
    stars: int
    downloads: int
    starred: bool
    health: str
    forked_from: str | None
    created_at: Time
    updated_at: Time
    url: str

    @classmethod
    def of(cls, card: RepoCard, base: str) -> Self:
        own = {name: getattr(card, name) for name in cls.model_fields if name not in {"id", "url"}}
        return cls(id=card.full_name, url=base + links.repo(card.owner, card.name), **own)


class RepoList(BaseModel):
    """`told` has a sentence for each part of `q` that was not understood and so left out."""

    model_config = example({"items": [examples.REPO], "next": None, "told": []})

    items: list[RepoOut]
    next: str | None
    told: list[str] = []


class NewRepo(BaseModel):
    model_config = example({"name": "my-style", "private": False})

    name: Text
    owner: Text | None = None
    private: bool = False


class RepoChange(BaseModel):
    model_config = example({"owner": "studio", "name": "my-better-style", "private": True})

    owner: Text | None = None
    name: Text | None = None
    private: bool | None = None
    gated: Literal["auto", "manual", False] | None = Field(None, description="False: no gate.")


class StarOut(BaseModel):
    model_config = example({"starred": True, "stars": 4})

    starred: bool
    stars: int


@router.get("/repos", summary="Search the library")
def list_repos(
    request: Request,
    tx: ReadTx,
    q: Annotated[Text, Query(description="A search line, as in the search box.")] = "",
    text: Annotated[Text | None, Query(alias="search", description="Words to look for.")] = None,
    owner: Annotated[Text | None, Query(description="Whose.")] = None,
    tag: Annotated[list[Text] | None, Query(description="All of these.")] = None,
    family: Annotated[Text | None, Query(description="Base model family.")] = None,
    layout: Annotated[Text | None, Query(description="File layout.")] = None,
    method: Annotated[Text | None, Query(description="`lora`, `dora`, `loha` ...")] = None,
    rank_from: Annotated[int | None, Query(ge=0, description="At least this rank.")] = None,
    rank_to: Annotated[int | None, Query(ge=0, description="At most this rank.")] = None,
    size_to: Annotated[int | None, Query(ge=0, description="At most so many bytes.")] = None,
    has_trigger: Annotated[bool | None, Query(description="With trigger words.")] = None,
    healthy: Annotated[bool | None, Query(description="Inspected and sound.")] = None,
    sort: Annotated[Text | None, Query(description=f"One of {', '.join(search.SORTS)}.")] = None,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> RepoList:
    """What the caller may see of the library, private repositories of their own included.

    All that is asked for must hold. `q` takes everything in one line: words, `#tag`, `-#tag`,
    `@account`, `base:sdxl`, `rank:8..64`, `size:<50MB`, `licence:commercial`, `updated:<30d` and
    more (see /search-help). For the next page send `next` as `cursor`.

        curl -G http://127.0.0.1:8000/api/hub/v1/repos --data-urlencode "q=glass base:sdxl -#anime"
    """
    wanted = search.Query(
        text=text or "",
        owner=owner,
        tags=tuple(tag or ()),
        family=family,
        layout=layout,
        method=method,
        measures=search.Measures(rank_from, rank_to, size_to, has_trigger, healthy),
    )
    parsed = syntax.combined(q, wanted)
    query = parsed.query if sort is None else replace(parsed.query, sort=sort)
    found = listed(request, search.find(tx, query, cursor, limit))
    return found.model_copy(update={"told": list(parsed.told)})


@router.post("/repos", summary="Make a repository", status_code=201)
def create_repo(request: Request, tx: WriteTx, wish: NewRepo) -> RepoOut:
    """An empty one, of the caller or of an organisation. 409 `repo_exists` when it is there."""
    owner = wish.owner or require_login(tx.caller).name
    repo = service.create_repo(tx, owner, wish.name, private=wish.private)
    return shown(request, tx, repo)


@router.get("/repos/{owner}/{name}", summary="Show a repository")
def show_repo(request: Request, tx: ReadTx, owner: Owner, name: RepoName) -> RepoOut:
    """A private repository answers others exactly as a missing one (404).

    A former name redirects (307) to the present one; a deleted repository answers 410.
    """
    return shown(request, tx, service.get_repo(tx, owner, name))


@router.patch("/repos/{owner}/{name}", summary="Rename, move, hide or show a repository")
def change_repo(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, change: RepoChange
) -> RepoOut:
    """The old address leads to the new one for ever, and no other repository can take it.

    Another `owner` is one under whose name the caller may make repositories.
    """
    repo = service.get_repo_for_write(tx, owner, name)
    if change.name is not None or change.owner is not None:
        to = change.owner or repo.owner.name, change.name or repo.name
        repo = service.move_repo(tx, repo, *to)
    if change.private is not None:
        repo = service.set_private(tx, repo, change.private)
    if change.gated is not None:
        repo = service.set_gated(tx, repo, change.gated or None)
    return shown(request, tx, repo)


@router.delete("/repos/{owner}/{name}", summary="Delete a repository", status_code=204)
def delete_repo(
    tx: WriteTx,
    owner: Owner,
    name: RepoName,
    reason: Annotated[Text, Query(description="Why, in at most 500 characters.")] = "",
    for_cause: Annotated[
        bool, Query(description="As an administrator of the hub: against its rules.")
    ] = False,
) -> None:
    """All of its files and its history. The name stays used and answers 410 from now on.

    That answer has `error.tombstone`: what the repository was, when it was removed and why. Files
    of it are still found by their hashes (`/hashes`). Of one that is removed `for_cause` nothing
    is told but the reason.
    """
    if for_cause:
        service.take_down(tx, service.get_repo(tx, owner, name), reason)
    else:
        service.delete_repo(tx, service.get_repo_for_write(tx, owner, name), reason)


@router.put("/repos/{owner}/{name}/star", summary="Star a repository")
def star_repo(tx: WriteTx, owner: Owner, name: RepoName) -> StarOut:
    """Starring what is starred changes nothing."""
    state = stars.star(tx, service.get_repo(tx, owner, name))
    return StarOut(starred=state.starred, stars=state.stars)


@router.delete("/repos/{owner}/{name}/star", summary="Take a star back")
def unstar_repo(tx: WriteTx, owner: Owner, name: RepoName) -> StarOut:
    """Taking back what was not given changes nothing."""
    state = stars.unstar(tx, service.get_repo(tx, owner, name))
    return StarOut(starred=state.starred, stars=state.stars)


def shown(request: Request, tx: Tx, repo: Repository) -> RepoOut:
    return RepoOut.of(library.details(tx, repo).repo, base_url(request))


def listed(request: Request, page: Page[RepoCard]) -> RepoList:
    base = base_url(request)
    return RepoList(items=[RepoOut.of(card, base) for card in page.items], next=page.next_cursor)
