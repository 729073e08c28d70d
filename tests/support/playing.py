"""A hub with adapters and a base that somebody seems to hold; its renders are made by hand."""

import hashlib
import itertools
import struct
import zlib
from typing import Any

import numpy as np
from safetensors.numpy import save
from sqlalchemy import select
from sqlalchemy.orm import Session

from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.insight.playground.tables import Play
from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import picture_key
from support.asgi import Site
from support.http import Api

_seeds = itertools.count(1000)


def adapter(seed: int = 1, width: int = 768, value: float | None = None) -> bytes:
    """A small LoRA in kohya's layout for the U-Net whose cross-attention has this width."""
    chance = np.random.default_rng(seed)
    tensors = {}
    for part, wide in (("q", 320), ("k", width), ("v", width)):
        name = f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_{part}"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(320, 4)).astype("f4")
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(4, wide)).astype("f4")
        tensors[f"{name}.alpha"] = np.array(4, "f4")
        if value is not None:
            tensors[f"{name}.lora_up.weight"][:] = value
    return save(tensors, {"ss_network_module": "networks.lora"})


def words(seed: int = 1) -> bytes:
    """A LoRA of a language model that says which: Llama's MLP."""
    chance = np.random.default_rng(seed)
    tensors = {}
    for part, (wide, high) in {"q_proj": (64, 64), "v_proj": (64, 32)}.items():
        name = f"base_model.model.model.layers.0.self_attn.{part}.lora_{{}}.weight"
        tensors[name.format("A")] = chance.normal(size=(4, wide)).astype("f4")
        tensors[name.format("B")] = chance.normal(size=(high, 4)).astype("f4")
    return save(tensors)


def hold(site: Site, family: str = "sd1", **values: Any) -> None:
    """Let a worker seem to hold a base of the family."""
    base = {
        "id": f"base-{family}", "title": f"The {family} base", "family": family, "task": "image",
        "kind": "folder", "source": "/models/base", "created_at": now(), "updated_at": now(),
        **values,
    }  # fmt: skip
    with site.hub.db.write() as session:
        session.merge(BaseModel(**base))
        session.merge(
            BaseHolder(
                base_id=base["id"], worker="here:1", digest="d" * 64, device="cpu", dtype="fp32",
                seen_at=now(),
            )
        )  # fmt: skip


def png(colour: tuple[int, int, int] = (200, 30, 40)) -> bytes:
    """A whole PNG of 8 by 8 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes(colour) * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def job_of(site: Site, play: int) -> Job | None:
    with site.hub.db.read() as session:
        return next(iter(jobs.unfinished_with(session, [f"play:{play}"])), None)


def renders_of(session: Session, play: int) -> list[str]:
    row = session.get_one(Play, play)
    return [one for one in (row.render_id, row.base_render_id) if one is not None]


def render(site: Site, play: int, picture: bytes | None = None, text: str = "") -> None:
    """Make what a play waits for, as a worker would, and end its job."""
    job = job_of(site, play)
    assert job is not None
    data = picture or png()
    facts = PictureFacts(hashlib.sha256(data).hexdigest(), "image/png", len(data), 8, 8)
    site.hub.store.put(picture_key(facts.sha256), [data])
    with site.hub.db.write() as session:
        for one in rendering.wanted(session, job.args["renders"]):
            if text:
                rendering.record_text(session, one.id, text, {})
            else:
                rendering.begin_picture(session, facts, now())
                rendering.record_picture(session, one.id, facts, {})
        jobs.cancel(session, job.id)


def fail(site: Site, play: int) -> None:
    job = job_of(site, play)
    assert job is not None
    with site.hub.db.write() as session:
        for one in job.args["renders"]:
            rendering.record_failure(session, one, "wrong_family", "It does not fit the base.")
        jobs.cancel(session, job.id)


def set_job(site: Site, play: int, **values: Any) -> None:
    job = job_of(site, play)
    assert job is not None
    with site.hub.db.write() as session:
        row = session.scalars(select(Job).where(Job.id == job.id)).one()
        for name, value in values.items():
            setattr(row, name, value)


def ask(who: Api, repo: str, **wish: Any) -> int:
    """Ask the playground for what nobody asked before, and return the play's id."""
    body = {"prompt": "a house by a lake", "seed": next(_seeds), **wish}
    return int(who.post(f"repos/{repo}/plays", json=body).expect(201).json()["id"])
