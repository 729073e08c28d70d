"""Rendering for real: a tiny base with random weights, adapters that change it much."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews import service as previews
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import SMALL, blob_key, copy_key, picture_key
from lorahub_worker import bases, keeping
from lorahub_worker.tasks import render
from support import galleries, tiny_base
from support.inside import Inside
from support.running import run_jobs


@pytest.fixture(scope="module")
def base(shared_dir: Path) -> Path:
    return tiny_base.image_base(shared_dir)


@pytest.fixture
def hub(tmp_path: Path, base: Path) -> Iterator[Inside]:
    made = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    galleries.add_base(made, source=str(base), **tiny_base.QUICK)
    galleries.hold_base(made, digest=bases.digest(base))
    yield made
    made.close()


def publish(hub: Inside, base: Path, folder: Path, name: str = "style", seed: int = 1) -> None:
    file = tiny_base.adapter(base, folder / f"{name}.safetensors", layout="kohya", seed=seed)
    galleries.publish(hub, name, file.read_bytes())


def gallery(hub: Inside, name: str = "style"):
    with hub.look() as tx:
        return previews.gallery(tx, repos.get_repo(tx, "alice", name))


def pixels(hub: Inside, picture) -> np.ndarray:
    with Image.open(io.BytesIO(hub.store.read(picture_key(picture.sha256)))) as opened:
        return np.asarray(opened.convert("RGB"), dtype=float) / 255


def distance(hub: Inside, one, other) -> float:
    return float(np.abs(pixels(hub, one) - pixels(hub, other)).mean())


def test_an_adapter_changes_the_pictures_and_at_strength_0_nothing(hub, base, tmp_path):
    publish(hub, base, tmp_path)
    run_jobs(hub.db, hub.store, "gpu")
    found = gallery(hub)
    assert found.progress is None
    assert len(found.pictures) == 9
    for one in found.samples:
        assert distance(hub, one.picture, one.base_picture) > 0.02
    first = found.samples[0]
    assert distance(hub, found.sweep[0].picture, first.base_picture) == 0
    steps = [distance(hub, one.picture, first.base_picture) for one in found.sweep]
    assert steps[1] > 0.002
    assert steps == sorted(steps)
    assert found.cover.id == first.id
    told = first.made.facts
    assert told["device"].startswith("cpu")
    assert told["libraries"]["torch"]
    with Image.open(io.BytesIO(hub.store.read(picture_key(first.picture.sha256)))) as opened:
        assert opened.text["parameters"].startswith(first.prompt)
        assert "lorahub" in opened.text
    with Image.open(io.BytesIO(hub.store.read(copy_key(first.picture.sha256, SMALL)))) as opened:
        assert opened.format == "WEBP"


def test_an_adapter_that_does_not_fit_fails_with_a_sentence_and_alone(hub, base, tmp_path):
    """Its names are those of the family, its widths are not; the base is drawn all the same."""
    galleries.publish(hub, data=galleries.shapes_adapter(outputs=40))
    run_jobs(hub.db, hub.store, "gpu")
    found = gallery(hub)
    assert found.progress is None
    for one in found.samples:
        assert one.state == "failed"
        assert one.made.error["message"].endswith(".")
        assert one.base.state == "done"
    # What follows on the same worker is as if nothing had been.
    publish(hub, base, tmp_path, "good")
    run_jobs(hub.db, hub.store, "gpu")
    good = gallery(hub, "good")
    assert len(good.pictures) == 9
    assert good.samples[0].base_picture == found.samples[0].base_picture
    assert good.cover.id == good.samples[0].id
    assert found.cover is None


def test_a_long_job_gives_others_their_turn(hub, base, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "TURN_S", -1.0)
    with_prompts(hub, base, tmp_path, ["a red star", "a blue star"])
    outcomes = run_jobs(hub.db, hub.store, "gpu")
    first, *jobs = galleries.render_jobs(hub)
    assert first.state == "cancelled"  # for the hub's own prompts
    assert len(jobs) > 2
    assert {job.state for job in jobs} == {"done"}
    # Each goes on with what the one before left.
    left = [len(job.args["renders"]) for job in jobs]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left)
    assert len(outcomes) >= len(jobs)
    assert all(one.state == "done" for one in gallery(hub).samples)


@pytest.mark.slow
def test_other_weights_under_the_bases_name_are_noticed(hub, base, tmp_path):
    galleries.hold_base(hub, digest="e" * 64)
    with_prompts(hub, base, tmp_path, ["a red star"])
    run_jobs(hub.db, hub.store, "gpu")
    (one,) = gallery(hub).samples
    assert one.made.error["code"] == "base_changed"
    # Once the worker says what it has, all is planned anew.
    galleries.hold_base(hub, digest=bases.digest(base))
    with hub.tx() as tx:
        owed.owe_family(tx.session, "shapes")
    run_jobs(hub.db, hub.store)
    run_jobs(hub.db, hub.store, "gpu")
    assert gallery(hub).samples[0].state == "done"


@pytest.mark.slow
def test_a_classifier_rates_what_is_drawn(hub, base, tmp_path, monkeypatch):
    def rate(picture):
        return {"label": "red", "score": 0.7, "maturity": "mature"}

    monkeypatch.setattr(keeping, "_classifier", lambda: rate)
    with_prompts(hub, base, tmp_path, ["a red star"])
    run_jobs(hub.db, hub.store, "gpu")
    found = gallery(hub)
    assert {one.maturity for one in found.all} == {"mature"}
    assert found.samples[0].made.rating == {"label": "red", "score": 0.7, "maturity": "mature"}
    assert found.cover is None


@pytest.mark.slow
def test_a_file_that_is_gone_fails_alone(hub, base, tmp_path):
    with_prompts(hub, base, tmp_path, ["a red star"])
    sha256 = gallery(hub).samples[0].sha256
    hub.store.delete([blob_key(sha256)])
    run_jobs(hub.db, hub.store, "gpu")
    (one,) = gallery(hub).samples
    assert (one.made.error["code"], one.base.state) == ("file_gone", "done")


def with_prompts(hub: Inside, base: Path, folder: Path, prompts: list[str]) -> None:
    """Publish an adapter of which only these prompts are drawn, once with the base and once not."""
    publish(hub, base, folder)
    with hub.tx() as tx:
        repo = repos.get_repo_for_write(tx, "alice", "style")
        previews.set_prompts(tx, repo, [{"prompt": text} for text in prompts])
    run_jobs(hub.db, hub.store)
