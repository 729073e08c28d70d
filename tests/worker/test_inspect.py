"""The inspect job on real adapter files, from the store to what it hands to the hub."""

import hashlib
import threading

import numpy as np
import pytest
from safetensors.numpy import save

from lorahub_server.jobs import JobContext, JobFailed
from lorahub_server.jobs.queries import Claim
from lorahub_server.storage import ObjectMissing, open_store
from lorahub_server.storage.keys import blob_key
from lorahub_worker.tasks import inspect


def adapter(rank: int = 4, width: int = 16) -> bytes:
    tensors = {}
    for block in range(6):
        name = f"lora_unet_down_blocks_{block}_attentions_0_proj_in"
        tensors[f"{name}.lora_down.weight"] = np.ones((rank, width), np.float16)
        tensors[f"{name}.lora_up.weight"] = np.ones((width, rank), np.float16)
        tensors[f"{name}.alpha"] = np.array(rank / 2, np.float16)
    return save(tensors, {"ss_network_dim": str(rank)})


class Ctx(JobContext):
    """A context without a row behind it: keeps what is reported."""

    def __init__(self, store) -> None:
        claim = Claim(1, "inspect", {}, 1, "lease")
        super().__init__(None, store, claim, lease_s=60, stopping=threading.Event())
        self.reports: list[tuple] = []

    def progress(self, done, total=None, note="") -> None:
        self.reports.append((done, total))


@pytest.fixture
def ctx(tmp_path) -> Ctx:
    return Ctx(open_store(f"file://{tmp_path}"))


def publish(ctx: Ctx, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    ctx.store.put(blob_key(sha256), [data])
    return sha256


def test_what_is_found_is_recorded_by_the_effect(ctx, monkeypatch) -> None:
    recorded = []
    monkeypatch.setattr(inspect.insight, "record_inspection", lambda *args: recorded.append(args))
    data = adapter(rank=4, width=300_000)  # more than one 4 MiB step
    sha256 = publish(ctx, data)
    effect = inspect.run(ctx, {"sha256": sha256})
    assert recorded == []
    effect("the session")
    ((session, named, inspection, measures),) = recorded
    assert (session, named) == ("the session", sha256)
    assert inspection.hashes["SHA256"].lower() == sha256
    assert inspection.summary.to_dict()["rank"] == 4
    assert measures.report["rank"] == 4
    assert len(measures.report["modules"]) == 6
    assert measures.sketched.keys
    sizes = [done for done, _ in ctx.reports]
    assert sizes == sorted(sizes)
    assert len(sizes) > 3
    done, total = ctx.reports[-1]
    assert done == total


@pytest.mark.parametrize("data", [b"", b"\x80\x02junk", save({"x": np.ones(3, np.float32)})])
def test_a_file_that_is_none_fails_for_good_and_is_recorded(ctx, monkeypatch, data) -> None:
    recorded = []
    monkeypatch.setattr(inspect.insight, "record_failure", lambda *args: recorded.append(args))
    sha256 = publish(ctx, data)
    with pytest.raises(JobFailed) as caught:
        inspect.run(ctx, {"sha256": sha256})
    caught.value.effect("the session")
    assert recorded == [("the session", sha256, caught.value.code, caught.value.message)]


def test_missing_bytes_are_tried_again(ctx) -> None:
    with pytest.raises(ObjectMissing):
        inspect.run(ctx, {"sha256": "0" * 64})
