"""The first thing that git asks for: which branches and tags there are."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from dulwich.protocol import (
    CAPABILITIES_REF,
    CAPABILITY_ALLOW_REACHABLE_SHA1_IN_WANT,
    CAPABILITY_ALLOW_TIP_SHA1_IN_WANT,
    CAPABILITY_ATOMIC,
    CAPABILITY_DEEPEN_NOT,
    CAPABILITY_DEEPEN_SINCE,
    CAPABILITY_DELETE_REFS,
    CAPABILITY_INCLUDE_TAG,
    CAPABILITY_MULTI_ACK,
    CAPABILITY_MULTI_ACK_DETAILED,
    CAPABILITY_NO_DONE,
    CAPABILITY_NO_PROGRESS,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_QUIET,
    CAPABILITY_REPORT_STATUS,
    CAPABILITY_SHALLOW,
    CAPABILITY_SIDE_BAND_64K,
    CAPABILITY_THIN_PACK,
    PEELED_TAG_SUFFIX,
    ZERO_SHA,
    capability_symref,
    format_ref_line,
    pkt_line,
)
from dulwich.refs import HEADREF
from fastapi import APIRouter, Query, Response

from lorahub_server.access import require_files, require_scope
from lorahub_server.access.errors import NotAllowed
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.git import lines
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.refs import GitRef
from lorahub_server.repos.tables import Repository

router = APIRouter()

FETCH, PUSH = "git-upload-pack", "git-receive-pack"
_FOR_FETCH = (
    CAPABILITY_MULTI_ACK,
    CAPABILITY_MULTI_ACK_DETAILED,
    CAPABILITY_NO_DONE,
    CAPABILITY_SIDE_BAND_64K,
    CAPABILITY_THIN_PACK,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_SHALLOW,
    CAPABILITY_DEEPEN_SINCE,
    CAPABILITY_DEEPEN_NOT,
    CAPABILITY_NO_PROGRESS,
    CAPABILITY_INCLUDE_TAG,
    # Commits are asked for by id at other doors too, those that no branch leads to as well.
    CAPABILITY_ALLOW_TIP_SHA1_IN_WANT,
    CAPABILITY_ALLOW_REACHABLE_SHA1_IN_WANT,
    lines.FORMAT,
    lines.AGENT,
)
_FOR_PUSH = (
    CAPABILITY_REPORT_STATUS,
    CAPABILITY_DELETE_REFS,
    CAPABILITY_QUIET,
    CAPABILITY_ATOMIC,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_SIDE_BAND_64K,
    lines.FORMAT,
    lines.AGENT,
)
_MODERN = "Only git from version 1.6.6 on can fetch from here and push to here. Get a newer one."


@router.get("/{owner}/{name}/info/refs")
def advertise(tx: ReadTx, owner: str, name: str, service: Annotated[str, Query()] = "") -> Response:
    name = lines.name_of(name)
    if service == PUSH:
        # Readers open pull requests.
        repo = repos.get_repo(tx, owner, name)
        require_scope(tx.caller, "write")
        require_files(tx, repo)
        said = _for_push(refs.git_refs(tx, repo))
    elif service == FETCH:
        repo = repos.get_repo(tx, owner, name)
        # Git takes a history as a whole: there is no leaving out of files.
        require_files(tx, repo)
        said = _for_fetch(repo, refs.git_refs(tx, repo))
    else:
        raise NotAllowed(_MODERN)
    parts = [f"# service={service}\n".encode(), None, *said, None]
    body = b"".join(pkt_line(part) for part in parts)
    return Response(body, headers=dict(lines.no_cache(f"{service}-advertisement")))


def _for_fetch(repo: Repository, known: Sequence[GitRef]) -> Iterator[bytes]:
    """HEAD comes first, and behind a tag object the commit that it leads to."""
    default = refs.BRANCHES + repo.default_branch
    head = next((ref.oid for ref in known if ref.name == default), None)
    told: list[tuple[bytes, str]] = []
    if head is not None:
        told.append((HEADREF, head))
    for ref in known:
        name = ref.name.encode()
        told.append((name, ref.oid))
        if ref.oid != ref.commit:
            told.append((name + PEELED_TAG_SUFFIX, ref.commit))
    symref = [] if head is None else [capability_symref(HEADREF, default.encode())]
    return _told(told, [*_FOR_FETCH, *symref])


def _for_push(known: Sequence[GitRef]) -> Iterator[bytes]:
    return _told([(ref.name.encode(), ref.oid) for ref in known], list(_FOR_PUSH))


def _told(refs_told: list[tuple[bytes, str]], capabilities: list[bytes]) -> Iterator[bytes]:
    first, *others = refs_told or [(CAPABILITIES_REF, ZERO_SHA.decode())]
    yield format_ref_line(first[0], first[1].encode(), capabilities)
    for name, oid in others:
        yield format_ref_line(name, oid.encode())
