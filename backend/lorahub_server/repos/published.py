"""What follows when a branch has moved, whichever way the change came."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from lorahub_server import jobs
from lorahub_server.access import Tx
from lorahub_server.repos import queries_objects
from lorahub_server.repos.operations import CONFIG, read_config
from lorahub_server.repos.tables import Repository


def note_change(
    tx: Tx,
    repo: Repository,
    branches: Collection[str],
    adapters: Mapping[str, str | None] = MappingProxyType({}),
) -> None:
    """Owe inspections of the new files; let the library show what these branches have now.

    `adapters`: by SHA-256 of an adapter file the id of the configuration that lies beside it, if
    there is one.
    """
    repo.updated_at = tx.now
    tx.session.flush()
    # Jobs before the library's row, as the worker that ends such a job locks them: else each could
    # wait for the other.
    owe_inspections(tx, repo, adapters)
    if repo.default_branch in branches:
        from lorahub_server.library import service as library

        library.refresh(tx, repo)


def owe_inspections(tx: Tx, repo: Repository, adapters: Mapping[str, str | None]) -> None:
    """Owe an inspection of every adapter file that has none."""
    from lorahub_server.insight import service as insight

    if not adapters:
        return
    known = insight.get_inspections(tx, list(adapters))
    wanted = {oid for oid in adapters.values() if oid is not None}
    configs = queries_objects.data_of(tx.session, repo.id, wanted)
    # In order: two commits with the same files must not wait for each other's jobs in a circle.
    for sha256, oid in sorted(adapters.items()):
        there = known.get(sha256)
        if there is not None and there.state == "done":
            continue
        args: dict[str, Any] = {"sha256": sha256, "config": None}
        if oid is not None:
            args["config"] = read_config(configs[oid])
        jobs.enqueue(
            tx.session,
            "inspect",
            args,
            dedup=f"inspect:{sha256}",
            queue="cpu",
            repo_id=repo.id,
            account_id=tx.caller.account_id,
        )


def beside(path: str) -> str:
    """Return where the configuration of an adapter file lies."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{CONFIG}" if folder else CONFIG
