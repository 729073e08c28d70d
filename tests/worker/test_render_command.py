"""`lorahub-worker render`: from a file and from a hub's address, compared with the hub's picture."""

import hashlib
import http.server
import json
import threading
from contextlib import contextmanager

import pytest
from PIL import Image

from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe
from lorahub_worker import bases, cli
from lorahub_worker.engines import png
from lorahub_worker.engines.spec import AdapterFile, BaseSpec
from lorahub_worker.engines.studio import Studio
from support import tiny_base

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.fixture(scope="module")
def made(shared_dir, tmp_path_factory):
    """(document, base folder, PNG, adapter file) as a hub's worker has them."""
    base = tiny_base.image_base(shared_dir)
    file = tiny_base.adapter(base, tmp_path_factory.mktemp("hub") / "star.safetensors")
    sha256, digest = hashlib.sha256(file.read_bytes()).hexdigest(), bases.digest(base)
    recipe = ImageRecipe(
        base={"id": "tiny", "digest": digest}, adapters=[{"sha256": sha256}], prompt="a ring",
        **tiny_base.QUICK,
    )  # fmt: skip
    spec = BaseSpec("tiny", "image", "shapes", base, digest=digest, title="Tiny")
    studio = Studio()
    rendered = next(studio.render(spec, [recipe], {sha256: AdapterFile(sha256, file)}))
    studio.close()
    data = png.encode(rendered.picture)
    document = {
        "recipe": recipe.model_dump(mode="json"),
        "files": {sha256: {"path": str(file)}},
        "base": {"title": "Tiny", "family": "shapes", "source": None},
        "picture": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)},
        "facts": rendered.facts,
    }
    return document, base, data, file


def run(tmp_path, document, *words: str) -> int:
    (tmp_path / "recipe.json").write_text(json.dumps(document))
    return cli.main(["render", str(tmp_path / "recipe.json"), *words])


def test_a_file_gives_the_same_picture_bit_for_bit(made, tmp_path, capsys):
    document, base, data, _ = made
    out = tmp_path / "out.png"
    assert run(tmp_path, document, "--base", str(base), "-o", str(out)) == 0
    told = capsys.readouterr().err
    assert "Beside the hub's it is the same, bit for bit." in told
    assert "4 of 4 steps" in told
    with Image.open(out) as ours:
        assert ours.size == (64, 64)
    assert out.read_bytes() == data


def test_another_base_is_told_and_gives_another_picture(made, tmp_path, capsys):
    document, base, _, _ = made
    recipe = document["recipe"] | {"base": {"id": "tiny", "digest": "0" * 64}, "seed": 5}
    changed = document | {"recipe": recipe}
    out = tmp_path / "out.png"
    assert run(tmp_path, changed, "--base", str(base), "-o", str(out)) == 3
    told = capsys.readouterr().err
    assert "its hash differs" in told
    assert "another file than the hub's" in told


def test_what_is_wrong_is_said_in_a_sentence(made, tmp_path, capsys):
    document, base, _, file = made
    sha256 = next(iter(document["files"]))
    other = tmp_path / "other.safetensors"
    other.write_bytes(file.read_bytes() + b" ")
    for changed, words, said in (
        (document | {"files": {sha256: {"path": str(other)}}}, ["--base", str(base)], "SHA-256"),
        (document | {"files": {}}, ["--base", str(base)], "does not say where the adapter"),
        (document, [], "--base FOLDER"),
        (document, ["--base", str(tmp_path / "none")], "There is no base at"),
        (document | {"recipe": {"task": "image"}}, [], "The recipe can't be read"),
        ({"a": 1}, [], "no part `recipe`"),
    ):
        assert run(tmp_path, changed, *words) == 1
        assert said in capsys.readouterr().err
    assert cli.main(["render", str(tmp_path / "missing.json")]) == 1
    assert "is no recipe" in capsys.readouterr().err


def test_a_hubs_address_is_all_it_needs(made, tmp_path, monkeypatch, capsys):
    """The token goes to the hub and nowhere else."""
    document, base, data, file = made
    monkeypatch.setenv("LORAHUB_TOKEN", "lh_secret")
    sha256 = next(iter(document["files"]))
    with serving({"/file": file.read_bytes()}) as (store, store_seen):
        with Image.open(file_of(tmp_path, data)) as picture:
            pixels = picture.convert("RGB")
        pixels.putpixel((0, 0), (255, 0, 0))
        theirs = png.encode(pixels)
        changed = document | {
            "files": {sha256: {"url": f"{store}/file", "path": "weights/star.safetensors"}},
            "picture": {"sha256": "0" * 64, "size": 1, "url": "/picture.png"},
        }
        with serving({"/recipe": json.dumps(changed).encode(), "/picture.png": theirs}) as (
            hub,
            seen,
        ):
            words = ["--base", str(base), "-o", str(tmp_path / "out.png")]
            assert cli.main(["render", f"{hub}/recipe", *words]) == 0
    assert "a mean difference of 0.0" in capsys.readouterr().err
    assert [(path, token) for path, token in seen] == [
        ("/recipe", "Bearer lh_secret"), ("/picture.png", "Bearer lh_secret")
    ]  # fmt: skip
    assert store_seen == [("/file", None)]


def file_of(tmp_path, data: bytes):
    path = tmp_path / "hub.png"
    path.write_bytes(data)
    return path


@contextmanager
def serving(pages: dict[str, bytes]):
    seen: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization")))
            body = pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_texts_are_written_and_compared(shared_dir, tmp_path, capsys):
    base = tiny_base.text_base(shared_dir)
    file = tiny_base.text_adapter(base, tmp_path / "pirate")
    sha256, digest = hashlib.sha256(file.read_bytes()).hexdigest(), bases.digest(base)
    config = json.loads((tmp_path / "pirate" / "adapter_config.json").read_text())
    recipe = TextRecipe(
        base={"id": "words", "digest": digest}, prompt="Hello", max_new_tokens=8,
        adapters=[{"sha256": sha256, "config": config}],
    )  # fmt: skip
    document = {
        "recipe": recipe.model_dump(mode="json"), "files": {sha256: {"path": str(file)}},
        "base": {"family": "llama"}, "picture": None,
    }  # fmt: skip
    assert run(tmp_path, document, "--base", str(base)) == 0
    text = capsys.readouterr().out.rstrip("\n")
    assert text
    assert run(tmp_path, document | {"text": text}, "--base", str(base)) == 0
    assert "the same, word for word" in capsys.readouterr().err
    assert run(tmp_path, document | {"text": "Ahoy"}, "--base", str(base)) == 3
