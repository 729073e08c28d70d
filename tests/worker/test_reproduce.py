"""From a published adapter to its preview, and from the preview's recipe to the same picture."""

import json
from pathlib import Path

import pytest

from lorahub_server.app import create_app
from lorahub_server.insight.previews import service as previews
from lorahub_server.repos import service as repos
from lorahub_worker import bases, cli
from support import galleries, tiny_base
from support.asgi import Site
from support.inside import Inside
from support.running import run_jobs

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.fixture
def site(tmp_path: Path, shared_dir: Path):
    base = tiny_base.image_base(shared_dir)
    hub = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    galleries.add_base(hub, source=str(base), **tiny_base.QUICK)
    galleries.hold_base(hub, digest=bases.digest(base))
    file = tiny_base.adapter(base, tmp_path / "style.safetensors", layout="kohya")
    galleries.publish(hub, "style", file.read_bytes())
    with hub.tx() as tx:
        repo = repos.get_repo_for_write(tx, "alice", "style")
        previews.set_prompts(tx, repo, [{"prompt": "a red star, glühend"}])
    run_jobs(hub.db, hub.store)
    run_jobs(hub.db, hub.store, "gpu")
    opened = Site(create_app(hub.settings)).open()
    yield opened
    opened.close()
    hub.close()


def test_the_recipe_that_the_hub_tells_gives_the_hubs_picture(site, tmp_path, shared_dir, capsys):
    anonymous = site.as_token(None)
    here = "repos/alice/style/previews"
    shown = anonymous.get(here).expect(200).json()["items"][0]
    words = ["--base", str(tiny_base.image_base(shared_dir)), "-o", str(tmp_path / "out.png")]
    for query in ("", "?base=true"):
        document = anonymous.get(f"{here}/{shown['id']}/recipe{query}").expect(200).json()
        for entry in document["files"].values():
            entry["path"] = str(tmp_path / "style.safetensors")
        (tmp_path / "recipe.json").write_text(json.dumps(document))
        assert cli.main(["render", str(tmp_path / "recipe.json"), *words]) == 0
        assert "the same, bit for bit" in capsys.readouterr().err
        url = document["picture"]["url"]
        path = "/" + url.split("/", 3)[3]
        assert anonymous.get(path).expect(200).body == (tmp_path / "out.png").read_bytes()
