"""Asking for variants, recording what was made, clearing away what nobody asks for any more."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from sqlalchemy.orm import Session

from lorahub.adapters.remake.headers import MAKER
from lorahub.adapters.remake.plan import Plan
from lorahub_server.access import Tx, require_files
from lorahub_server.insight.queries import keep_blob
from lorahub_server.insight.variants import queries
from lorahub_server.insight.variants.errors import NotConvertible, VariantNotFound
from lorahub_server.insight.variants.limits import (
    FAILURE_KEPT,
    KEPT,
    ROOM,
    SOURCE_MAX,
    TOUCH_AFTER,
)
from lorahub_server.insight.variants.tables import Variant
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import State
from lorahub_server.kit.db import Database
from lorahub_server.repos import lookup, published, trees
from lorahub_server.repos.operations import read_config
from lorahub_server.repos.tables import Repository
from lorahub_server.storage import ObjectStore
from lorahub_server.storage.keys import VARIANTS, variant_prefix

KIND = "convert"


@dataclass(frozen=True, slots=True)
class Wished:
    """A file of a repository and what is to be made of it."""

    sha256: str
    path: str
    revision: str
    plan: Plan
    config: dict[str, Any] | None
    # Whose configuration it is; None without one.
    repo_id: int | None

    @property
    def id(self) -> str:
        # The configuration is part of what the weights mean.
        config = json.dumps(self.config, sort_keys=True)
        text = f"{MAKER}\n{self.sha256}\n{self.plan.recipe}\n{config}\n{self.repo_id}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    state: Literal["waiting", "running", "done", "failed"]
    progress: dict[str, Any] | None = None
    error: dict[str, str] | None = None


def wish(tx: Tx, repo: Repository, revision: str, path: str, plan: Plan) -> Wished:
    """Return the file at a path as the source of a variant, to one who may read its bytes.

    Raises what looking up a file does, and NotConvertible for what is no adapter file.
    """
    require_files(tx, repo)
    found = lookup.find(tx, repo, revision, path)
    entry = found.entry
    require_files(tx, repo)
    if not entry.large or not path.endswith(".safetensors"):
        message = f"{path} is no adapter file. Ask for a .safetensors file of the repository."
        raise NotConvertible(message, place="path")
    if entry.size > SOURCE_MAX:
        message = (
            f"{path} is too large to be converted here. Use `lorahub convert` on your machine."
        )
        raise NotConvertible(message, place="path")
    beside = trees.find_file(tx, repo, found.commit, published.beside(path))
    config = None
    if beside is not None and not beside.large:
        config = read_config(trees.read_file(tx, repo, beside))
    owner = None if config is None else repo.id
    return Wished(entry.sha256 or "", path, found.commit, plan, config, owner)


def must_be_asked(tx: Tx, wished: Wished) -> bool:
    """Tell whether nobody asked before, or nobody works on it any more.

    One that failed lately need not be asked for: it would fail again.
    """
    variant = queries.get(tx.session, wished.id)
    if variant is None or _is_stale(tx, variant):
        return True
    return variant.state == "waiting" and standing(tx, variant).error is not None


def ask(tx: Tx, repo: Repository, wished: Wished) -> Variant:
    """Return the variant; owe its making unless it is made or owed already."""
    if not keep_blob(tx.session, wished.sha256):
        raise VariantNotFound
    queries.insert_unless_there(
        tx.session,
        {
            "id": wished.id,
            "source": wished.sha256,
            "repo_id": wished.repo_id,
            "recipe": wished.plan.recipe,
            "state": "waiting",
            "size": 0,
            "created_at": tx.now,
            "used_at": tx.now,
        },
    )
    variant = queries.lock(tx.session, wished.id)
    assert variant is not None
    if _is_stale(tx, variant):
        variant.state, variant.failed_at = "waiting", None
    variant.used_at = tx.now
    if variant.state == "waiting":
        jobs.enqueue(
            tx.session,
            KIND,
            {
                "id": wished.id,
                "sha256": wished.sha256,
                "name": wished.path.rpartition("/")[2],
                "recipe": wished.plan.recipe,
                "config": wished.config,
            },
            dedup=_dedup(wished.id),
            queue="cpu",
            repo_id=repo.id,
            account_id=tx.caller.account_id,
        )
    tx.session.flush()
    return variant


def of_id(tx: Tx, repo: Repository, variant_id: str) -> Variant:
    """Return a variant of one of the repository's files, to one who may read their bytes.

    Raises VariantNotFound.
    """
    require_files(tx, repo)
    variant = queries.get(tx.session, variant_id)
    if variant is None or variant.repo_id not in (None, repo.id):
        raise VariantNotFound
    if not queries.has_source(tx.session, repo.id, variant.source):
        raise VariantNotFound
    return variant


def standing(tx: Tx, variant: Variant) -> Standing:
    """Return how far the making is."""
    if variant.state == "done":
        return Standing("done")
    if variant.state == "failed":
        return Standing("failed", error=_error(variant.error_code, variant.error_message))
    owed = jobs.unfinished_with(tx.session, [_dedup(variant.id)])
    if not owed:
        error = _error("conversion_failed", "It could not be made. Ask again later.")
        return Standing("failed", error=error)
    running = owed[0].state == State.RUNNING
    return Standing("running" if running else "waiting", owed[0].progress if running else None)


def touch(session: Session, variant_id: str, moment: datetime) -> None:
    """Remember that somebody fetches it, at most every few hours."""
    queries.touch(session, variant_id, moment, moment - TOUCH_AFTER)


def is_touch_due(variant: Variant, moment: datetime) -> bool:
    return variant.used_at < moment - TOUCH_AFTER


def record_made(
    session: Session, variant_id: str, files: list[dict[str, Any]], report: dict[str, Any]
) -> None:
    """Record the files that lie in the store; a variant that was cleared away stays so."""
    variant = queries.lock(session, variant_id)
    if variant is None:
        return
    variant.state, variant.files, variant.report = "done", files, report
    variant.size = sum(int(file["size"]) for file in files)
    variant.error_code = variant.error_message = None


def record_refused(
    session: Session, variant_id: str, code: str, message: str, at: datetime
) -> None:
    variant = queries.lock(session, variant_id)
    if variant is None:
        return
    variant.state, variant.error_code, variant.error_message = "failed", code[:64], message[:2000]
    variant.failed_at = at


def collect(
    db: Database, store: ObjectStore, moment: datetime, report: Callable[[int], object]
) -> int:
    """Clear away what nobody asked for lately or what there is no room for; return how many."""
    gone = 0
    with db.read() as session:
        unused = [*queries.unused(session, moment - KEPT), *queries.over(session, ROOM)]
    for variant_id in dict.fromkeys(unused):
        with db.write() as session:
            is_gone = queries.delete_one(session, variant_id, moment)
        if is_gone:
            store.delete([found.key for found in store.list(variant_prefix(variant_id))])
            gone += 1
        report(gone)
    for variant_id, group in groupby(store.list(VARIANTS), lambda found: found.key.split("/")[1]):
        found = list(group)
        report(gone)
        # A worker puts the bytes there some moments before the row tells of them.
        if max(one.modified for one in found) > moment - FAILURE_KEPT:
            continue
        with db.read() as session:
            if queries.known(session, [variant_id]):
                continue
        store.delete([one.key for one in found])
        gone += 1
    return gone


def _is_stale(tx: Tx, variant: Variant) -> bool:
    return variant.failed_at is not None and variant.failed_at < tx.now - FAILURE_KEPT


def _dedup(variant_id: str) -> str:
    return f"{KIND}:{variant_id}"


def _error(code: str | None, message: str | None) -> dict[str, str]:
    return {"code": code or "conversion_failed", "message": message or "It could not be made."}
