"""Files that are alike are found among all, and told to whom it may be told."""

import numpy as np
import pytest
from safetensors.numpy import save

from lorahub_server.insight.likeness import service as likeness
from lorahub_server.insight.reports import service as reports
from lorahub_server.jobs.runner import Outcome
from lorahub_server.library import service as library
from lorahub_server.repos import service as repos
from support.inside import Inside, sha256
from support.running import run_jobs


def factors(seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    chance = np.random.default_rng(seed)
    return {
        f"down_blocks_{block}_attentions_0_transformer_blocks_0_attn{kind}_to_{part}": (
            chance.normal(size=(64, 4)).astype("f4"),
            chance.normal(size=(4, 64)).astype("f4"),
        )
        for block in range(3)
        for kind in (1, 2)
        for part in "qkv"
    }


def kohya(parts, *, times: float = 1.0, dtype="f4", metadata=None) -> bytes:
    tensors = {}
    for name, (up, down) in parts.items():
        tensors[f"lora_unet_{name}.lora_up.weight"] = (up * times).astype(dtype)
        tensors[f"lora_unet_{name}.lora_down.weight"] = down.astype(dtype)
        tensors[f"lora_unet_{name}.alpha"] = np.array(4, dtype)
    return save(tensors, metadata)


def turned(parts):
    """The same products from other factors."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0].astype("f4")
    return {name: (up @ turn, turn.T @ down) for name, (up, down) in parts.items()}


def merged(*weighted):
    return {
        name: (
            np.concatenate([weight * parts[name][0] for weight, parts in weighted], 1),
            np.concatenate([parts[name][1] for _, parts in weighted], 0),
        )
        for name in weighted[0][1]
    }


def publish(hub: Inside, who: str, name: str, data: bytes, *, private=False) -> None:
    hub.make_repo(name, who, private=private)
    sha = hub.upload(data, who=who)
    hub.commit({"w.safetensors": sha}, name, who)


def matches(hub: Inside, who: str | None, repo: str) -> dict[str, str]:
    with hub.look(who) as tx:
        found = repos.get_repo(tx, *repo.split("/"))
        alike = likeness.matches(tx, found, library.adapter_shas(tx, found))
        return {one.repo: one.kind for one in alike}


A, B = factors(1), factors(2)


def test_each_sense_of_the_same(inside):
    publish(inside, "alice", "one", kohya(A))
    publish(inside, "bob", "bytes", kohya(A))
    publish(inside, "bob", "header", kohya(A, metadata={"ss_output_name": "x"}))
    publish(inside, "bob", "turned", kohya(turned(A)))
    publish(inside, "bob", "cast", kohya(A, dtype="f2"))
    publish(inside, "bob", "half", kohya(A, times=0.5))
    publish(inside, "bob", "other", kohya(B))
    assert set(run_jobs(inside.db, inside.store)) == {Outcome.DONE}
    told = matches(inside, "alice", "alice/one")
    assert told == {
        "bob/bytes": "bytes",
        "bob/header": "tensors",
        "bob/turned": "same",
        "bob/cast": "same",
        "bob/half": "scaled",
    }
    # What is only similar is for those whom it concerns.
    assert "bob/half" not in matches(inside, None, "alice/one")
    assert "bob/turned" in matches(inside, None, "alice/one")
    assert "alice/one" in matches(inside, "bob", "bob/half")


def test_a_merge_names_its_parts(small):
    publish(small, "alice", "a", kohya(A))
    publish(small, "alice", "b", kohya(B))
    both = merged((0.6, A), (0.4, B))
    tensors = {name: (up, down) for name, (up, down) in both.items()}
    publish(small, "carol", "mix", kohya(tensors, times=2))
    run_jobs(small.db, small.store)
    assert matches(small, "carol", "carol/mix") == {"alice/a": "part", "alice/b": "part"}
    assert matches(small, None, "carol/mix") == {}
    assert matches(small, "alice", "alice/a")["carol/mix"] == "related"


def test_what_is_private_is_told_to_nobody_else(inside):
    publish(inside, "alice", "open", kohya(A))
    publish(inside, "bob", "secret", kohya(A), private=True)
    publish(inside, "bob", "hidden", kohya(turned(A)), private=True)
    run_jobs(inside.db, inside.store)
    assert matches(inside, "alice", "alice/open") == {}
    assert matches(inside, None, "alice/open") == {}
    assert matches(inside, "bob", "alice/open") == {"bob/secret": "bytes", "bob/hidden": "same"}


def test_the_report_is_kept(small):
    data = kohya(A)
    publish(small, "alice", "one", data)
    run_jobs(small.db, small.store)
    with small.look() as tx:
        report = reports.get(tx.session, sha256(data))
        assert reports.get(tx.session, "0" * 64) is None
    assert report is not None
    assert (report["layout"], report["rank"], len(report["modules"])) == ("kohya", 4, 18)
    one = report["modules"][0]
    up, down = A[one["name"].removeprefix("lora_unet_")]
    values = np.linalg.svd(up.astype("f8") @ down.astype("f8"), compute_uv=False)[:4]
    assert one["singular_values"] == pytest.approx(values, rel=1e-4)


def test_inspecting_again_replaces(small):
    data = kohya(A)
    publish(small, "alice", "one", data)
    publish(small, "bob", "two", kohya(turned(A)))
    run_jobs(small.db, small.store)
    with small.tx() as tx:
        from lorahub_server import jobs

        jobs.enqueue(tx.session, "inspect", {"sha256": sha256(data), "config": None}, queue="cpu")
    assert run_jobs(small.db, small.store) == [Outcome.DONE, Outcome.DONE]
    assert matches(small, "alice", "alice/one") == {"bob/two": "same"}
