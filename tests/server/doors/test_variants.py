"""Adapter files in another form, by plain address and by the API: made once, given like any file."""

import hashlib
import json
import threading
from datetime import timedelta

import numpy as np
import pytest
from safetensors.numpy import load, save
from sqlalchemy import func, select

from lorahub_server.doors.files import variants as door
from lorahub_server.insight.tables import Variant
from lorahub_server.insight.variants import limits, service
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.kit.ratelimit import Limit
from support import hf
from support.running import run_jobs

NAME = "alice/style"
WISH = "layout=diffusers&dtype=fp16&rank=2"


def adapter(rank: int = 4) -> bytes:
    chance = np.random.default_rng(1)
    tensors = {}
    for part, width in (("q", 320), ("k", 768), ("v", 768)):
        name = f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_{part}"
        tensors[f"{name}.lora_up.weight"] = chance.normal(size=(320, rank)).astype("f4")
        tensors[f"{name}.lora_down.weight"] = chance.normal(size=(rank, width)).astype("f4")
        tensors[f"{name}.alpha"] = np.array(2, "f4")
    return save(tensors, {"ss_network_module": "networks.lora"})


@pytest.fixture
def site(start_site):
    return start_site()


@pytest.fixture
def alice(site):
    alice = site.add_account("alice")
    publish(alice, NAME)
    return alice


@pytest.fixture
def anonymous(site, alice):
    return site.as_token(None)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(door, "_PATIENCE_S", 0.0)


@pytest.fixture
def worker(site):
    """Does jobs all the time."""
    over = threading.Event()

    def work():
        while not over.wait(0.1):
            run_jobs(site.hub.db, site.hub.store)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def publish(who, name: str, data: bytes | None = None, *, private=False) -> None:
    hf.create(who, name.split("/")[1], private=private).expect(200)
    oid = hf.send(who, name, data or adapter())
    hf.commit(who, name, hf.large("w.safetensors", oid), hf.add("README.md", b"# Hi")).expect(200)


def count(site, table=Variant) -> int:
    with site.hub.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def jobs_of_kind(site) -> int:
    with site.hub.db.read() as session:
        wanted = select(func.count()).select_from(Job).where(Job.kind == "convert")
        return session.scalar(wanted) or 0


def test_the_first_who_asks_waits(site, anonymous, worker):
    first = anonymous.get(f"/{NAME}/variant/main/w.safetensors?{WISH}").expect(200)
    made = load(first.body)
    assert {str(value.dtype) for value in made.values()} == {"float16"}
    assert {min(value.shape) for value in made.values()} == {2}
    assert all("lora_unet_" not in name for name in made)
    digest = hashlib.sha256(first.body).hexdigest()
    assert first.headers["ETag"] == f'"{digest}"'
    assert first.headers["X-Content-SHA256"] == digest
    assert "w.safetensors" in first.headers["Content-Disposition"]

    again = anonymous.get(
        f"/{NAME}/variant/main/w.safetensors?rank=2&dtype=float16&layout=diffusers"
    )
    assert again.expect(200).body == first.body
    assert (count(site), jobs_of_kind(site)) == (1, 1)
    kept = {"If-None-Match": first.headers["ETag"]}
    address = f"/{NAME}/variant/main/w.safetensors?{WISH}"
    assert anonymous.get(address, headers=kept).status == 304
    part = anonymous.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, first.body[10:20])
    assert anonymous.head(address).expect(200).headers["Content-Length"] == str(len(first.body))


def test_who_waits_for_long_is_told_to_ask_again(site, anonymous, impatient):
    address = f"/{NAME}/variant/main/w.safetensors?{WISH}"
    told = anonymous.get(address)
    assert (told.status, told.headers["Retry-After"]) == (503, "3")
    assert told.json()["error"]["code"] == "variant_pending"
    anonymous.get(address).expect(503)
    assert jobs_of_kind(site) == 1
    run_jobs(site.hub.db, site.hub.store)
    anonymous.get(address).expect(200)


def test_by_the_api(site, alice, anonymous):
    wish = {"path": "w.safetensors", "layout": "peft"}
    asked = alice.post(f"repos/{NAME}/variants", json=wish).expect(200).json()
    assert (asked["state"], asked["files"], asked["recipe"]) == ("waiting", [], "layout=peft")
    assert alice.post(f"repos/{NAME}/variants", json=wish).json()["id"] == asked["id"]
    run_jobs(site.hub.db, site.hub.store)
    made = anonymous.get(f"repos/{NAME}/variants/{asked['id']}").expect(200).json()
    assert made["state"] == "done"
    assert made["report"]["layout"] == "peft"
    assert [file["name"] for file in made["files"]] == [
        "adapter_model.safetensors",
        "adapter_config.json",
    ]
    for file in made["files"]:
        got = anonymous.get(file["url"].removeprefix("http://hub.test")).expect(200).body
        assert (len(got), hashlib.sha256(got).hexdigest()) == (file["size"], file["sha256"])
    config = json.loads(got)
    assert config["peft_type"] == "LORA"
    second = f"/{NAME}/variant/main/w.safetensors?layout=peft&file=adapter_config.json"
    assert anonymous.get(second).expect(200).body == got
    missing = anonymous.get(f"/{NAME}/variant/main/w.safetensors?layout=peft&file=x").expect(404)
    assert "adapter_config.json" in missing.json()["error"]["message"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("w.safetensors", 422, "invalid_plan"),
        ("w.safetensors?layout=&dtype=&rank=", 422, "invalid_plan"),
        ("w.safetensors?layout=gguf", 422, "invalid_plan"),
        ("w.safetensors?dtype=int8", 422, "invalid_plan"),
        ("w.safetensors?dtype=fp64", 422, "invalid_plan"),
        ("w.safetensors?family=sdxl", 422, "invalid_plan"),
        ("w.safetensors?layout=peft&family=SD%20XL", 422, "invalid_plan"),
        ("w.safetensors?layout=peft&family=" + "x" * 41, 422, "invalid_request"),
        ("w.safetensors?rank=0", 422, "invalid_request"),
        ("w.safetensors?energy=2", 422, "invalid_request"),
        ("README.md?layout=peft", 422, "not_convertible"),
        ("no.safetensors?layout=peft", 404, "entry_not_found"),
    ],
)
def test_wishes_that_cannot_be(site, anonymous, address, status, code):
    refused = anonymous.get(f"/{NAME}/variant/main/{address}")
    assert (refused.status, refused.json()["error"]["code"]) == (status, code)
    assert count(site) == 0


def test_what_the_converter_refuses_is_told_to_all_who_ask(site, alice, worker):
    llm = {
        f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight": np.ones(shape, "f4")
        for side, shape in (("A", (4, 64)), ("B", (64, 4)))
    }
    publish(alice, "alice/words", save(llm))
    address = "/alice/words/variant/main/w.safetensors?layout=kohya"
    for _ in range(2):
        refused = alice.get(address).expect(422).json()["error"]
        assert refused["code"] == "not_convertible"
        assert refused["reason"]
    assert jobs_of_kind(site) == 1
    again = {"path": "w.safetensors", "layout": "kohya"}
    told = alice.post("repos/alice/words/variants", json=again).expect(200).json()
    assert (told["state"], told["error"]["code"]) == ("failed", refused["reason"])


def test_all_doors_take_the_same_words(site, alice, impatient):
    for dtype, status in (("fp8_e4m3", 503), ("bf16", 503), ("fp64", 422), ("int8", 422)):
        alice.get(f"/{NAME}/variant/main/w.safetensors?dtype={dtype}").expect(status)
        asked = alice.post(f"repos/{NAME}/variants", json={"path": "w.safetensors", "dtype": dtype})
        asked.expect(200 if status == 503 else 422)
    bad = {"path": "w.safetensors", "layout": "gguf"}
    told = alice.post(f"repos/{NAME}/variants", json=bad).expect(422).json()["error"]
    assert (told["code"], told["place"]) == ("invalid_plan", "layout")


def test_who_knows_the_family_says_it(site, alice, impatient):
    """A text encoder's adapter fits Stable Diffusion 1 and others."""
    chance = np.random.default_rng(1)
    name = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    clip = {
        f"{name}.lora_up.weight": chance.normal(size=(768, 4)).astype("f4"),
        f"{name}.lora_down.weight": chance.normal(size=(4, 768)).astype("f4"),
        f"{name}.alpha": np.array(4, "f4"),
    }
    publish(alice, "alice/clip", save(clip))
    address = "/alice/clip/variant/main/w.safetensors?layout=diffusers"
    for _ in range(2):
        told = alice.get(address).json()["error"]
        run_jobs(site.hub.db, site.hub.store)
    assert told["reason"] == "family_unclear"
    assert "family=" in told["message"]
    alice.get(f"{address}&family=sd1").expect(503)
    wish = {"path": "w.safetensors", "layout": "diffusers", "family": "sd1"}
    asked = alice.post("repos/alice/clip/variants", json=wish).expect(200).json()
    assert asked["recipe"] == "layout=diffusers family=sd1"
    run_jobs(site.hub.db, site.hub.store)
    made = load(alice.get(f"{address}&family=sd1").expect(200).body)
    assert all(key.startswith("text_encoder.") for key in made)
    # Where the names stay, the family is no part of the wish.
    told = alice.post(
        "repos/alice/clip/variants", json={"path": "w.safetensors", "rank": 2, "family": "sd1"}
    )
    assert told.expect(200).json()["recipe"] == "rank=2"


def test_private_looks_like_missing(site, alice, impatient):
    publish(alice, "alice/secret", private=True)
    bob = site.add_account("bob")
    hf.create(bob, "own").expect(200)
    alice.get(f"/alice/secret/variant/main/w.safetensors?{WISH}").expect(503)
    run_jobs(site.hub.db, site.hub.store)
    alice.get(f"/alice/secret/variant/main/w.safetensors?{WISH}").expect(200)
    with site.hub.db.read() as session:
        known = session.scalars(select(Variant.id)).one()
    for name in ("alice/secret", "alice/nowhere"):
        for address in (f"variant/main/w.safetensors?{WISH}", f"variants/{known}/w.safetensors"):
            assert bob.get(f"/{name}/{address}").json()["error"]["code"] == "repo_not_found"
        bob.get(f"repos/{name}/variants/{known}").expect(404)
        bob.post(f"repos/{name}/variants", json={"path": "w.safetensors", "rank": 1}).expect(404)
    # Its id opens nothing in a repository that has no such file.
    refused = bob.get(f"/bob/own/variants/{known}/w.safetensors").expect(404)
    assert refused.json()["error"]["code"] == "variant_not_found"


def test_a_configuration_is_its_repository_s_alone(site, alice):
    weights = save(
        {
            f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight": np.ones(
                shape, "f4"
            )
            for side, shape in (("A", (4, 64)), ("B", (64, 4)))
        }
    )
    config = json.dumps(
        {"peft_type": "LORA", "r": 4, "lora_alpha": 77, "target_modules": ["q_proj"]}
    )
    hf.create(alice, "poet", private=True).expect(200)
    oid = hf.send(alice, "alice/poet", weights)
    beside = hf.add("adapter_config.json", config.encode())
    hf.commit(alice, "alice/poet", hf.large("adapter_model.safetensors", oid), beside).expect(200)
    bob = site.add_account("bob")
    publish(bob, "bob/same", weights)
    wish = {"path": "adapter_model.safetensors", "dtype": "fp16"}
    made = alice.post("repos/alice/poet/variants", json=wish).expect(200).json()
    run_jobs(site.hub.db, site.hub.store)
    alice.get(f"/alice/poet/variants/{made['id']}/adapter_config.json").expect(200)
    bob.get(f"/bob/same/variants/{made['id']}/adapter_config.json").expect(404)
    bob.get(f"repos/bob/same/variants/{made['id']}").expect(404)


def test_gated_files_stay_so(site, alice, anonymous):
    alice.call("PATCH", f"repos/{NAME}", json={"gated": "manual"}).expect(200)
    anonymous.get(f"/{NAME}/variant/main/w.safetensors?{WISH}").expect(401)
    bob = site.add_account("bob")
    bob.get(f"/{NAME}/variant/main/w.safetensors?{WISH}").expect(403)
    bob.post(f"repos/{NAME}/variants", json={"path": "w.safetensors", "rank": 1}).expect(403)
    assert count(site) == 0


def test_not_too_many(site, alice, anonymous, impatient, monkeypatch):
    monkeypatch.setattr(door, "OF_NETWORK", Limit("variants_net", 2, 3600, "new variants"))
    for rank in (1, 2):
        anonymous.get(f"/{NAME}/variant/main/w.safetensors?rank={rank}").expect(503)
    refused = anonymous.get(f"/{NAME}/variant/main/w.safetensors?rank=3").expect(429)
    assert int(refused.headers["Retry-After"]) > 0
    anonymous.get(f"/{NAME}/variant/main/w.safetensors?rank=1").expect(503)
    alice.get(f"/{NAME}/variant/main/w.safetensors?rank=3").expect(503)


def test_what_nobody_asks_for_goes(site, alice, monkeypatch):
    hub = site.hub
    for rank in (1, 2):
        wish = {"path": "w.safetensors", "rank": rank}
        alice.post(f"repos/{NAME}/variants", json=wish).expect(200)
    run_jobs(hub.db, hub.store)
    assert len(list(hub.store.list("variants/"))) == 2

    def collect(moment):
        return service.collect(hub.db, hub.store, moment, lambda _: None)

    assert collect(now()) == 0
    monkeypatch.setattr(service, "ROOM", 1)
    assert collect(now()) == 2
    assert (count(site), list(hub.store.list("variants/"))) == (0, [])
    alice.post(f"repos/{NAME}/variants", json={"path": "w.safetensors", "rank": 1}).expect(200)
    run_jobs(hub.db, hub.store)
    assert collect(now() + limits.KEPT + timedelta(days=1)) == 1
    hub.store.put(f"variants/{'0' * 64}/0", [b"stray"])
    assert collect(now()) == 0
    assert collect(now() + timedelta(days=1)) == 1
