"""Previews on PostgreSQL, an S3 store, and Celery with Redis; and by the hub's own workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import programs, tiny_base
from support.client import Client

pytestmark = pytest.mark.slow

ENV = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(params=["local", "celery"])
def hub(request, start_hub, tmp_path: Path) -> Iterator:
    if request.param == "local":
        hub = start_hub(env={**ENV, "LORAHUB_GPU_WORKERS": "2"})
        yield hub
        hub.close()
        return
    postgres, s3 = request.getfixturevalue("postgres"), request.getfixturevalue("s3")
    url = postgres.create()
    redis_url = request.getfixturevalue("redis_url")
    env = {**ENV, "LORAHUB_CARRIER": "celery", "LORAHUB_REDIS_URL": redis_url}
    hub = start_hub(database_url=url, store_url=s3.store_url(), env=env)
    hub.spawn("relay")
    hub.spawn("worker")
    hub.spawn("worker", "--queue", "gpu")
    hub.spawn("worker", "--queue", "gpu")
    yield hub
    hub.close()
    postgres.drop(url)


def test_a_published_adapter_is_rendered(hub, shared_dir: Path, tmp_path: Path) -> None:
    base = tiny_base.image_base(shared_dir)
    options = ("--family", "shapes", "--source", str(base), "--steps", "4")
    hub.run("bases", "add", "tiny", *options, "--width", "64", "--height", "64")
    programs.wait(lambda: "2 workers" in hub.run("bases", "list"), f"two holders\n{hub.said()}", 60)
    alice = Client(hub.endpoint, hub.add_account("alice").token, tmp_path / "alice")
    file = tiny_base.adapter(base, tmp_path / "a.safetensors", layout="kohya")
    alice.ok("push", file, "alice/style")

    def items() -> list[dict]:
        return list(hub.anonymous.get("repos/alice/style/previews").expect(200).json()["items"])

    def all_made() -> bool:
        return bool(items()) and all(one["made"]["state"] == "done" for one in items())

    programs.wait(all_made, f"the previews\n{hub.said()}", 240)
    assert {one["group"] for one in items()} == {"samples", "sweep"}
    assert all(one["made"]["facts"]["effect"] > 0.01 for one in items() if one["strength"])
    assert hub.run("bases", "check").count("weights") == 2
