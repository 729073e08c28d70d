"""SQL that walks down folders inside the database: one statement for a path of any depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from lorahub_server.repos.tables import GitObject

_OID_BYTES = 20
_ERRORS = "surrogatepass"


@dataclass(frozen=True, slots=True)
class Step:
    """An object on the way: its `data` is there when it is a tree, or a small enough file."""

    oid: str
    kind: str
    size: int
    large: bool
    sha256: str | None
    data: bytes | None


def path_down(
    session: Session, repo_id: int, root: str, parts: Sequence[str], *, data_max: int
) -> dict[str, Step]:
    """Return by id the tree `root`, those on the way down, and what is at the end.

    Where it goes is a guess: the bytes that are looked for in a tree may also be part of another
    name, or of an id. Whoever reads the trees notices.
    """
    if not parts:
        wanted = select(literal(root).label("oid")).subquery()
    else:
        wanted = _walk(session, repo_id, root, parts).subquery()
    shown = or_(
        GitObject.kind == "tree", and_(GitObject.kind == "blob", GitObject.size <= data_max)
    )
    rows = session.execute(
        select(
            GitObject.oid,
            GitObject.kind,
            func.coalesce(GitObject.content_size, GitObject.size),
            GitObject.large,
            GitObject.content_sha256,
            case((shown, GitObject.data), else_=null()),
        )
        .join(wanted, wanted.c.oid == GitObject.oid)
        .where(GitObject.repo_id == repo_id)
    )
    return {row[0]: Step(*row) for row in rows}


def _walk(session: Session, repo_id: int, root: str, parts: Sequence[str]) -> Any:
    walk = select(literal(0).label("depth"), cast(literal(root), Text).label("oid")).cte(
        "walk", recursive=True
    )
    tree = aliased(GitObject)
    postgresql = session.get_bind().dialect.name == "postgresql"

    def place(needle: ColumnElement[bytes]) -> Any:
        find = func.pg_catalog.position if postgresql else func.instr
        return find(tree.data, needle)

    needle = case(
        *[(walk.c.depth == depth, _line("40000", part)) for depth, part in enumerate(parts[:-1])],
        (place(_line("100644", parts[-1])) > 0, _line("100644", parts[-1])),
        else_=_line("100755", parts[-1]),
    )
    cut = func.substr(tree.data, place(needle) + func.length(needle), _OID_BYTES)
    oid = func.encode(cut, "hex") if postgresql else func.lower(func.hex(cut))
    step = (
        select(walk.c.depth + 1, cast(oid, Text))
        .join(tree, and_(tree.repo_id == repo_id, tree.oid == walk.c.oid))
        .where(walk.c.depth < len(parts), tree.kind == "tree", place(needle) > 0)
    )
    walk = walk.union_all(step)
    return select(walk.c.oid)


def _line(mode: str, name: str) -> ColumnElement[bytes]:
    """Return how a tree names a thing, before the bytes of its id."""
    # A name that no tree can have is looked for in vain.
    text = mode.encode() + b" " + name.encode(errors=_ERRORS) + b"\0"
    return literal(text, LargeBinary)
