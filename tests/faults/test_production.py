"""The same main job on PostgreSQL, an S3 store, and Celery with Redis."""

import hashlib

import pytest

from support import programs
from support.client import Client

pytestmark = pytest.mark.slow


@pytest.fixture
def big_hub(start_hub, postgres, s3, redis_url):
    url = postgres.create()
    hub = start_hub(
        database_url=url,
        store_url=s3.store_url(),
        env={"LORAHUB_CARRIER": "celery", "LORAHUB_REDIS_URL": redis_url},
        arguments=("--workers-of-web", "2"),
    )
    yield hub
    hub.close()
    postgres.drop(url)


def test_publish_inspect_pull(big_hub, adapters, tmp_path, redis_server):
    hub = big_hub
    alice = Client(hub.endpoint, hub.add_account("alice").token, tmp_path / "alice")
    alice.ok("push", adapters.both, "alice/both")

    def item() -> dict:
        items = hub.anonymous.get("repos/alice/both/inspections/main").expect(200).json()["items"]
        return dict(items[0])

    assert item()["state"] == "waiting"  # no worker runs yet
    redis_server.fresh()  # and whatever the broker knew is lost
    hub.spawn("relay")
    hub.spawn("worker")
    programs.wait(lambda: item()["state"] == "done", f"the inspection\n{hub.said()}", 90)
    assert item()["summary"]["family"] == "sd1"

    reader = Client(hub.endpoint, None, tmp_path / "reader")
    reader.ok("pull", "alice/both", "--to", tmp_path / "got")
    (weights,) = (tmp_path / "got").rglob("*.safetensors")
    source = adapters.both / "pytorch_lora_weights.safetensors"
    assert hashlib.sha256(weights.read_bytes()).digest() == (
        hashlib.sha256(source.read_bytes()).digest()
    )
