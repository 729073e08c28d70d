"""What previews need of a hub, without drawing: a base that is held, an adapter, made renders."""

import hashlib
from datetime import timedelta
from typing import Any

import numpy as np
from safetensors.numpy import save
from sqlalchemy import select

from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.insight.previews import covers, queries_pictures, rendering, uploads
from lorahub_server.insight.previews.tables import Render
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import SMALL, copy_key, picture_key
from support.inside import Inside
from support.picture_files import picture
from support.running import run_jobs

DIGEST = "d" * 64


def shapes_adapter(
    seed: int = 1, rank: int = 2, *, broken: bool = False, outputs: int = 96
) -> bytes:
    """An adapter that is taken for one of the demo base; with other outputs it does not fit it."""
    chance = np.random.default_rng(seed)
    head = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2"
    tensors = {}
    for name, inputs in (("to_q", 96), ("to_k", 96)):
        down = chance.standard_normal((rank, inputs)).astype("f4")
        tensors[f"{head}.{name}.lora_A.weight"] = down * (np.nan if broken else 1)
        tensors[f"{head}.{name}.lora_B.weight"] = chance.standard_normal((outputs, rank)).astype(
            "f4"
        )
    return save(tensors)


def llama_adapter(seed: int = 1, rank: int = 2, width: int = 8) -> bytes:
    chance = np.random.default_rng(seed)
    head = "base_model.model.model.layers.0.self_attn.q_proj"
    return save(
        {
            f"{head}.lora_A.weight": chance.standard_normal((rank, width)).astype("f4"),
            f"{head}.lora_B.weight": chance.standard_normal((width, rank)).astype("f4"),
        }
    )


def add_base(hub: Inside, base_id: str = "tiny", family: str = "shapes", **more: Any) -> None:
    values: dict[str, Any] = {
        "title": f"The {base_id} base", "task": "image", "kind": "folder", "source": "/nowhere",
        "steps": 4, "width": 64, "height": 64, "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    with hub.tx() as tx:
        tx.session.add(BaseModel(id=base_id, family=family, **(values | more)))


def hold_base(hub: Inside, base_id: str = "tiny", digest: str = DIGEST, ago_s: int = 0) -> None:
    """Let a worker say that it has the base."""
    moment = now() - timedelta(seconds=ago_s)
    with hub.tx() as tx:
        tx.session.merge(
            BaseHolder(base_id=base_id, worker="w", digest=digest, device="cpu", dtype="fp32",
                       seen_at=moment)
        )  # fmt: skip


def publish(
    hub: Inside, name: str = "style", data: bytes | None = None, card: str = "", **more: Any
) -> str:
    """Publish an adapter and let the hub's cpu workers do what they owe; return its SHA-256."""
    sha256 = hub.upload(data or shapes_adapter())
    hub.make_repo(name, **more)
    files: dict[str, bytes | str | None] = {"a.safetensors": sha256}
    if card:
        files["README.md"] = card.encode()
    hub.commit(files, name)
    run_jobs(hub.db, hub.store)
    return sha256


def render_jobs(hub: Inside, *states: str) -> list[Job]:
    with hub.look() as tx:
        found = tx.session.scalars(select(Job).where(Job.kind == "render").order_by(Job.id))
        return [job for job in found if not states or job.state in states]


def renders(hub: Inside) -> dict[str, Render]:
    with hub.look() as tx:
        return {one.id: one for one in tx.session.scalars(select(Render))}


def pretend(
    hub: Inside,
    *ids: str,
    rating: dict[str, Any] | None = None,
    end: bool = True,
    small: bytes = b"small",
    size: tuple[int, int] = (32, 24),
) -> None:
    """Record a picture for each render, as a worker does; all that wait when none is named."""
    wanted = ids or [key for key, one in renders(hub).items() if one.state == "waiting"]
    for number, render_id in enumerate(wanted):
        data = picture(size=size, seed=int(render_id[:6], 16) + number)
        facts = uploads.check(data)
        with hub.tx() as tx:
            rendering.begin_picture(tx.session, facts, tx.now)
        hub.store.put(picture_key(facts.sha256), [data])
        hub.store.put(copy_key(facts.sha256, SMALL), [small])
        with hub.tx() as tx:
            queries_pictures.set_copies(tx.session, facts.sha256, {SMALL: len(small)})
            rendering.record_picture(tx.session, render_id, facts, {"device": "cpu"}, rating)
            showing = rendering.repos_showing(tx.session, render_id)
        for repo_id in showing:
            with hub.tx() as tx:
                covers.refresh(tx.session, repo_id)
    if end:
        with hub.tx() as tx:
            for job in tx.session.scalars(select(Job).where(Job.kind == "render")):
                if job.state in ("queued", "running"):
                    job.state, job.due_at = "done", None


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
