"""Changing a branch: all operations of a commit, or none."""

import base64
import binascii
from typing import Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from lorahub_server.access import Tx
from lorahub_server.doors import links, target
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.making import repo_to_write
from lorahub_server.doors.deps import WriteTx, base_url
from lorahub_server.doors.schemas import ITEMS_MAX, Branch, Owner, RepoName, Text, example
from lorahub_server.doors.target import Target
from lorahub_server.repos.commit import AddBlob, AddFile, CommitResult, DeletePath, Operation
from lorahub_server.repos.errors import BadCommit, StaleParent
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["publishing"])


class OperationIn(BaseModel):
    """`add` has either `content`, base64 of a small file, or `sha256` of bytes the hub has."""

    model_config = example({"op": "add", "path": examples.FILE, "sha256": examples.SHA256})

    op: Literal["add", "delete"]
    path: Text
    content: str | None = None
    sha256: Text | None = None

    def checked(self) -> Operation:
        """Return what it means, or raise BadCommit."""
        given = (self.content is not None, self.sha256 is not None)
        if self.op == "delete":
            if any(given):
                message = "A delete has neither content nor sha256. Leave them out."
                raise BadCommit(message, place=self.path)
            return DeletePath(self.path)
        if self.sha256 is not None and not given[0]:
            return AddBlob(self.path, self.sha256)
        if self.content is None or given[1]:
            message = "An add has either content or sha256. Give one of them."
            raise BadCommit(message, place=self.path)
        try:
            return AddFile(self.path, base64.b64decode(self.content, validate=True))
        except (binascii.Error, ValueError):
            message = "The content is not base64. Encode the file's bytes and send it again."
            raise BadCommit(message, place=self.path) from None


class NewCommit(BaseModel):
    """`parent`: refuse with 409 `conflict` unless the branch is at this commit.

    `pull_request`: leave the branch as it is, and open a pull request with the commit.

    `create`: make the repository, `private` or not, if it is missing. Only if the commit is good:
    what is refused leaves none. One that has commits by now is refused as if it had moved on,
    unless `parent` is given.
    """

    model_config = example(
        {
            "message": "Add my style",
            "operations": [
                {"op": "add", "path": "README.md", "content": "IyBNeSBzdHlsZQo="},
                {"op": "add", "path": examples.FILE, "sha256": examples.SHA256},
                {"op": "delete", "path": "old.safetensors"},
            ],
        }
    )

    message: Text
    operations: list[OperationIn] = Field(max_length=ITEMS_MAX)
    description: Text = ""
    parent: Text | None = None
    pull_request: bool = False
    create: bool = False
    private: bool = False


class CommitOut(BaseModel):
    """`changed` is false when the tree is what it was: then there is no new commit.

    `pull_request` is the number of the one that was opened.
    """

    model_config = example(examples.COMMIT)

    revision: str
    parent: str | None
    changed: bool
    branch: str
    url: str
    pull_request: int | None = None

    @classmethod
    def of(
        cls,
        request: Request,
        repo: Repository,
        branch: str,
        made: CommitResult,
        num: int | None = None,
    ) -> Self:
        page = links.tree(repo.owner.name, repo.name, made.revision)
        return cls(
            revision=made.revision,
            parent=made.parent,
            changed=made.changed,
            branch=branch,
            url=base_url(request) + page,
            pull_request=num,
        )


UNCHANGED = {
    "model": CommitOut,
    "description": "Nothing changed",
    "content": {"application/json": {"example": {**examples.COMMIT, "changed": False}}},
}


@router.post(
    "/commits/{branch}",
    summary="Commit to a branch",
    status_code=201,
    responses={200: UNCHANGED},
)
def make_commit(
    request: Request,
    response: Response,
    tx: WriteTx,
    owner: Owner,
    name: RepoName,
    branch: Branch,
    wish: NewCommit,
) -> CommitOut:
    """All operations or none. Large files are uploaded before; `preupload` tells which.

    409 `conflict` has the branch's `head`; 422 names the path at fault in `place`. The branch may
    be a pull request's ref, such as `refs%2Fpr%2F3`.
    """
    where = target.of(branch, create_pr=wish.pull_request)
    repo = _repo(tx, owner, name, where, wish)
    operations = [operation.checked() for operation in wish.operations]
    made, num = target.commit_to(
        tx,
        repo,
        where,
        operations,
        wish.message,
        parent=wish.parent,
        description=wish.description,
    )
    if not made.changed:
        response.status_code = 200
    return CommitOut.of(request, repo, branch, made, num)


def _repo(tx: Tx, owner: str, name: str, where: Target, wish: NewCommit) -> Repository:
    if not wish.create or where.opens or where.pull is not None:
        return target.open_repo(tx, owner, name, where)
    repo = repo_to_write(tx, owner, name, create=True, private=wish.private)
    head = target.head_of(tx, repo, where)
    if head is not None and wish.parent is None:
        # The sender believed that there was nothing yet.
        raise StaleParent(where.branch, head)
    return repo
