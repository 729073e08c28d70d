"""Two hubs that name each other as their upstream, and a third whose base models are elsewhere."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import models
from support.clones import Machine
from support.hf_clients import Client
from support.http import Api
from support.inside import adapter
from support.other_hub import OtherHub
from support.server import Hub

LARGE = "w.safetensors"
WEIGHTS = adapter(7, width=100_000)
COMMITS = 60
REPO = "acme/style"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Hub]]:
    """The near one has Nora's account, the far one Acme's and its repository."""
    folder = tmp_path_factory.mktemp("pair")
    alone = {"LORAHUB_WORKERS": "0"}
    near, far = Hub(folder / "near", alone), Hub(folder / "far", alone)
    near.env["LORAHUB_UPSTREAM"] = far.endpoint
    far.env["LORAHUB_UPSTREAM"] = near.endpoint
    yield near.start(), far.start()
    near.close()
    far.close()


@pytest.fixture(scope="module")
def nora(pair: tuple[Hub, Hub]) -> Api:
    return pair[0].add_account("nora")


@pytest.fixture(scope="module")
def acme(pair: tuple[Hub, Hub]) -> Api:
    owner = pair[1].add_account("acme")
    owner.publish(REPO, {LARGE: WEIGHTS, "README.md": b"# Style", "deep/a%20b%25.txt": b"deep"})
    count = len(owner.get(f"repos/{REPO}/commits/main?limit=100").json()["items"])
    for number in range(COMMITS - count):
        owner.commit(REPO, f"{number}", {"n.txt": str(number).encode()}).expect(201)
    owner.publish("acme/hidden", {"README.md": b"# Hidden"}, private=True)
    return owner


@pytest.mark.parametrize(
    "kind",
    [
        "2.4-xet",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("0.36", "1.19", "1.x-xet", "2.4-lfs")
        ),
    ],
)
def test_clients_read_from_the_far_one(make_client, pair, nora, acme, kind) -> None:
    """A token that a hub doesn't know is refused: it would show if Nora's were sent on."""
    head = acme.get(f"repos/{REPO}").json()["revision"]
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    client = make_client(kind, pair[0].endpoint, nora.token)
    assert client.run("upstream", REPO, LARGE, digest, COMMITS)["sha"] == head
    nobody = make_client(kind, pair[0].endpoint, None)
    assert nobody.run("upstream", REPO, LARGE, digest, COMMITS)["sha"] == head


def test_git_reads_from_the_far_one(pair, nora, acme, tmp_path) -> None:
    machine = Machine(tmp_path / "nora", pair[0].endpoint, "nora", nora.token)
    machine.run(machine.folder, "clone", f"{pair[0].endpoint}/{REPO}", "clone")
    clone = machine.folder / "clone"
    assert (clone / LARGE).read_bytes() == WEIGHTS
    acme.commit(REPO, "news", {"news.txt": b"news"}).expect(201)
    machine.run(clone, "pull")
    assert (clone / "news.txt").read_bytes() == b"news"
    acme.delete(f"repos/{REPO}/raw/main/news.txt").expect(200)
    (clone / "mine.txt").write_text("mine")
    machine.run(clone, "add", ".")
    machine.run(clone, "commit", "-m", "mine")
    said = machine.ask(clone, "push", env={"GIT_LFS_SKIP_PUSH": "1"})
    assert said.code != 0
    assert acme.get(f"repos/{REPO}/tree/main/mine.txt").status == 404


def test_nobody_is_sent_in_circles(pair, nora, acme) -> None:
    near, far = pair
    for hub in (near, far):
        for path in ("/api/models/zed/none", "/api/models/gpt2", "/zed/none/resolve/main/x"):
            answer = hub.anonymous.get(path, headers={"User-Agent": "hf_hub/1"}).expect(401)
            assert answer.headers["X-Error-Code"] == "RepoNotFound"
    # What is hidden there is no more to be seen from here than what is not there.
    for name in ("acme/hidden", "acme/none"):
        answer = nora.get(f"/api/models/{name}").expect(404)
        assert answer.headers["X-Error-Code"] == "RepoNotFound"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[OtherHub]:
    """A hub with whole models, which ours don't take."""
    hub = OtherHub()
    models.language_model("gpt2").save_pretrained(tmp_path / "gpt2")
    hub.add_folder("acme/tiny-gpt2", tmp_path / "gpt2")
    yield hub
    hub.close()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["transformers", "diffusers"])
def test_libraries_load_the_base_model_too(start_hub, other, adapters, tmp_path, what) -> None:
    hub = start_hub(env={"LORAHUB_UPSTREAM": other.endpoint, "LORAHUB_WORKERS": "0"})
    nora = hub.add_account("nora")
    folder = adapters.peft("gpt2") if what == "transformers" else adapters.unet
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    nora.publish("nora/style", files)
    if what == "diffusers":
        saved = tmp_path / "sd"
        models.stable_diffusion().save_pretrained(saved)
        other.add("acme/tiny-sd", _tree(saved))
    machine = tmp_path / "machine"
    machine.mkdir()
    client = Client(Path(sys.executable), machine, hub.endpoint, nora.token, {})
    client.run("base_model", what, "nora/style", folder)
    assert "authorization" not in other.told_headers()
    assert [path for path in other.seen("GET") if "/resolve/" in path]


def _tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
