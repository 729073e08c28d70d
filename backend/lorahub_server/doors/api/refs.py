"""Branches and tags."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Branch, Owner, RepoName, Text, example
from lorahub_server.repos import refs, service

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["branches and tags"])

_MAIN = {"name": "main", "revision": examples.OID}
_TAG = {"name": "v1.0", "revision": examples.OID}


class RefOut(BaseModel):
    model_config = example(_MAIN)

    name: str
    revision: str

    @classmethod
    def of(cls, ref: refs.RefInfo) -> Self:
        return cls(name=ref.name, revision=ref.revision)


class RefsOut(BaseModel):
    model_config = example({"branches": [_MAIN], "tags": [_TAG]})

    branches: list[RefOut]
    tags: list[RefOut]


class NewBranch(BaseModel):
    """`revision` is where it begins."""

    model_config = example({"name": "dev", "revision": "main"})

    name: Text
    revision: Text


class NewTag(BaseModel):
    model_config = example({"name": "v1.0", "revision": "main", "message": "First good one"})

    name: Text
    revision: Text
    message: Text = ""


@router.get("/refs", summary="List branches and tags")
def list_refs(tx: ReadTx, owner: Owner, name: RepoName) -> RefsOut:
    """Each with the commit it is at; the default branch is the first."""
    found = refs.list_refs(tx, service.get_repo(tx, owner, name))
    return RefsOut(
        branches=[RefOut.of(ref) for ref in found.branches],
        tags=[RefOut.of(ref) for ref in found.tags],
    )


@router.post("/branches", summary="Make a branch", status_code=201)
def create_branch(tx: WriteTx, owner: Owner, name: RepoName, wish: NewBranch) -> RefOut:
    """409 `ref_exists` when there is one of that name, or one that looks like it."""
    repo = service.get_repo_for_write(tx, owner, name)
    return RefOut.of(refs.create_branch(tx, repo, wish.name, wish.revision))


@router.delete("/branches/{branch}", summary="Delete a branch", status_code=204)
def delete_branch(tx: WriteTx, owner: Owner, name: RepoName, branch: Branch) -> None:
    """Its commits can still be read by their ids. The default branch can't be deleted."""
    refs.delete_branch(tx, service.get_repo_for_write(tx, owner, name), branch)


@router.post("/tags", summary="Make a tag", status_code=201)
def create_tag(tx: WriteTx, owner: Owner, name: RepoName, wish: NewTag) -> RefOut:
    """A name for a commit that does not move. With a message it is an annotated tag of git."""
    repo = service.get_repo_for_write(tx, owner, name)
    return RefOut.of(refs.create_tag(tx, repo, wish.name, wish.revision, wish.message))


@router.delete("/tags/{tag}", summary="Delete a tag", status_code=204)
def delete_tag(tx: WriteTx, owner: Owner, name: RepoName, tag: Branch) -> None:
    """The commit that it named stays."""
    refs.delete_tag(tx, service.get_repo_for_write(tx, owner, name), tag)
