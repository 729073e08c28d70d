"""The test support itself: what it promises to the other tests."""

import hashlib

import psycopg
import pytest
import redis

from lorahub.adapters import HEAD_BYTES, AdapterFileError, StreamInspector, refuse_if_bad
from support import bad_inputs, browser

# What it looks after is used by all other tests.
pytestmark = pytest.mark.slow


def inspect(content: bytes, name: str) -> StreamInspector:
    refuse_if_bad(content[:HEAD_BYTES], name, len(content))
    inspector = StreamInspector(len(content))
    inspector.feed(content)
    return inspector


def test_each_database_is_empty_and_usable(database_url):
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
        connection.execute(text("CREATE TABLE t (id INTEGER)"))
    engine.dispose()


def test_a_database_is_copied_with_what_is_in_it(postgres):
    first = postgres.create()
    with psycopg.connect(first.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    copy = postgres.create(template=first.rpartition("/")[2])
    with psycopg.connect(copy.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT n FROM t").fetchall() == [(7,)]
    postgres.drop(first)
    postgres.drop(copy)


def test_redis_comes_back_after_a_crash(redis_server, redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.set("k", "v")
    redis_server.kill()
    redis_server.start()
    with redis.Redis.from_url(redis_url) as client:
        assert client.get("k") is None


def test_each_store_is_empty(store_url):
    from lorahub_server.storage import open_store
    from support.s3 import KEYS

    store = open_store(store_url, KEYS)
    assert list(store.list("")) == []
    store.put("a", [b"bytes"])
    assert store.read("a") == b"bytes"


@pytest.mark.parametrize("bad", bad_inputs.ALL, ids=str)
def test_bad_inputs_are_refused_with_their_code(bad):
    with pytest.raises(AdapterFileError) as caught:
        inspect(bad.make(), bad.filename).finish()
    assert caught.value.code == bad.code
    assert caught.value.message


def test_the_good_input_is_good():
    found = inspect(bad_inputs.good(), "adapter_model.safetensors").finish()
    assert (found.summary.layout, found.summary.rank) == ("peft", 4)


def test_adapters_are_what_they_say(adapters):
    wanted = {
        adapters.peft("gpt2") / "adapter_model.safetensors": ("peft", "gpt2"),
        adapters.peft("llama") / "adapter_model.safetensors": ("peft", "llama"),
        adapters.peft("roberta") / "adapter_model.safetensors": ("peft", "roberta"),
        adapters.unet / "pytorch_lora_weights.safetensors": ("diffusers-legacy", "sd1"),
        adapters.both / "pytorch_lora_weights.safetensors": ("diffusers", "sd1"),
        adapters.kohya: ("kohya", "sd1"),
    }
    for path, (layout, family) in wanted.items():
        content = path.read_bytes()
        found = inspect(content, path.name).finish()
        assert (found.summary.layout, found.summary.family) == (layout, family), path
        assert found.summary.rank == 4
        assert found.health["zero_count"] == 0
        assert found.hashes["SHA256"].lower() == hashlib.sha256(content).hexdigest()


def test_kohya_says_what_it_was_trained_on(adapters):
    found = inspect(adapters.kohya.read_bytes(), adapters.kohya.name).finish()
    assert found.summary.alpha == 4
    assert "glasspaint" in " ".join(found.summary.trigger_words)
    assert set(found.summary.components) == {"unet", "text_encoder"}


@pytest.mark.parametrize("base", ["gpt2", "llama", "roberta"])
def test_peft_loads_what_it_wrote(adapters, base):
    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors.torch import load_file

    from support import models

    folder = adapters.peft(base)
    loaded = get_peft_model_state_dict(
        PeftModel.from_pretrained(models.language_model(base), folder)
    )
    written = load_file(folder / "adapter_model.safetensors")
    assert loaded.keys() == written.keys()
    assert all(torch.equal(loaded[name], written[name]) for name in written)


def test_diffusers_draws_the_same_from_its_own_and_from_kohya(adapters):
    import numpy as np
    import torch

    from support import models

    def draw(folder, name):
        pipeline = models.stable_diffusion()
        if name:
            pipeline.load_lora_weights(folder, weight_name=name)
        made = pipeline(
            "a b", num_inference_steps=2, height=32, width=32, output_type="np",
            generator=torch.Generator("cpu").manual_seed(1),
        )  # fmt: skip
        return made.images[0]

    plain = draw(None, None)
    own = draw(adapters.both, "pytorch_lora_weights.safetensors")
    kohya = draw(adapters.kohya.parent, adapters.kohya.name)
    assert np.abs(own - plain).max() > 0.01
    np.testing.assert_allclose(kohya, own, atol=1e-4)


def test_a_browser_shows_a_page_and_tells_of_broken_scripts(chromium):
    with browser.context(chromium, viewport=browser.PHONE) as person:
        page = person.new_page()
        page.set_content("<h1>Hello</h1>")
        assert page.inner_text("h1") == "Hello"
        assert page.evaluate("innerWidth") == 390


def visit_a_broken_page(chromium):
    with browser.context(chromium) as person:
        page = person.new_page()
        page.set_content("<script>throw new Error('broken')</script><p>x</p>")
        page.wait_for_timeout(100)


def test_a_broken_script_fails_the_test(chromium):
    with pytest.raises(AssertionError, match="broken"):
        visit_a_broken_page(chromium)


def test_a_hub_starts_stops_dies_and_comes_back(start_hub):
    hub = start_hub()
    alice = hub.add_account("alice")
    assert alice.get("whoami").expect(200).json()["name"] == "alice"
    assert hub.anonymous.get("whoami").status == 401
    assert hub.stop() == 0
    hub.start()
    hub.kill()
    hub.start()
    assert alice.get("whoami").expect(200).json()["name"] == "alice"
