"""Making a preview again from its recipe, on any machine, and comparing it with the hub's."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pydantic import ValidationError

from lorahub.net.session import Session
from lorahub.settings import find_token
from lorahub_server.insight.previews import recipe as recipes
from lorahub_server.insight.previews.recipe import ImageRecipe
from lorahub_worker import bases
from lorahub_worker.engines import png
from lorahub_worker.engines.spec import AdapterFile, AnyRecipe, BaseSpec, Rendered

if TYPE_CHECKING:
    from PIL.Image import Image

# Mean distance of two pictures, from 0 to 1, up to which they count as the same on a GPU.
TOLERANCE = 2 / 255
_MOST_THREADS = 256
_PIECE = 1024 * 1024


class CannotReproduce(Exception):
    """A sentence for whoever gave the command."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a hub says about a preview; `address` is where it came from, "" for a file."""

    recipe: AnyRecipe
    files: Mapping[str, Mapping[str, Any]]
    base: Mapping[str, Any]
    picture: Mapping[str, Any] | None
    text: str | None
    facts: Mapping[str, Any]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`same`: nothing differs; `near`: not more than GPUs differ from each other."""

    same: bool
    near: bool
    words: str


def read_document(place: str, token: str | None = None) -> Document:
    """The document at an address or in a file. Raises CannotReproduce, LorahubError."""
    if "://" in place:
        found: Any = _session(place, token).json("GET", place)
        return _document(found, place)
    try:
        found = json.loads(Path(place).read_bytes())
    except (OSError, ValueError) as error:
        raise CannotReproduce(f"{place} is no recipe: {error}.") from error
    return _document(found, "")


def fetch_files(
    document: Document, folder: Path, token: str | None = None
) -> dict[str, AdapterFile]:
    """The adapters of the recipe in `folder`, each with the hash that the recipe says."""
    made = {}
    for use in document.recipe.adapters:
        entry = document.files.get(use.sha256) or {}
        name = Path(str(entry.get("path") or use.sha256)).name
        path = folder / f"{use.sha256}.safetensors"
        there = Path(str(entry.get("path") or ""))
        if not document.address and there.is_file():
            path = there
        elif url := entry.get("url"):
            _download(urljoin(document.address, str(url)), path, document, token)
        else:
            raise CannotReproduce(f"The recipe does not say where the adapter {use.sha256} is.")
        if _sha256(path) != use.sha256:
            raise CannotReproduce(f"{name} is not the file of the recipe: its SHA-256 differs.")
        made[use.sha256] = AdapterFile(
            use.sha256, path, use.config, use.layout, name=Path(name).stem
        )
    return made


def find_base(document: Document, given: Path | None) -> BaseSpec:
    """The base on this machine; fetched where the document names a repository of some hub."""
    told, use = document.base, document.recipe.base
    path = given or _fetched_base(document)
    if not path.exists():
        raise CannotReproduce(f"There is no base at {path}.")
    return BaseSpec(
        id=use.id,
        task=document.recipe.task,
        family=str(told.get("family") or ""),
        path=path,
        dtype=_dtype(document.facts),
        digest=bases.digest(path),
        title=str(told.get("title") or use.id),
    )


def _dtype(facts: Mapping[str, Any]) -> str:
    """The hub's worker's, on a device of the same kind."""
    from lorahub_worker.engines.devices import device_name

    known = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
    alike = str(facts.get("device", "")).startswith(device_name())
    retried = "retried" in facts
    return known.get(str(facts.get("dtype")), "auto") if alike and not retried else "auto"


def use_threads(document: Document) -> None:
    """As many threads as the hub's worker had: their number decides about last bits."""
    import torch

    wanted = document.facts.get("threads")
    if isinstance(wanted, int) and 1 <= wanted <= _MOST_THREADS:
        torch.set_num_threads(wanted)


def encoded(document: Document, spec: BaseSpec, rendered: Rendered) -> bytes:
    """The file as the hub has it. Its worker may not have known what the adapters are called."""
    picture, recipe = rendered.picture, document.recipe
    if picture is None or not isinstance(recipe, ImageRecipe):
        return (rendered.text or "").encode()
    named = png.encode(picture)
    picture.info.update(png.texts(recipe, spec, {}, str(rendered.facts.get("sampler", ""))))
    nameless = png.encode(picture)
    return nameless if _is_hubs(document, nameless) else named


def compare(
    document: Document, rendered: Rendered, made: bytes, token: str | None = None
) -> Verdict | None:
    """What was made beside what the hub has; None where the hub has nothing."""
    if rendered.text is not None:
        if document.text is None:
            return None
        same = rendered.text == document.text
        words = "the same, word for word" if same else "another text than the hub's"
        return Verdict(same, same, words)
    if rendered.picture is None or not document.picture:
        return None
    if _is_hubs(document, made):
        return Verdict(same=True, near=True, words="the same, bit for bit")
    url = document.picture.get("url")
    if not url:
        return Verdict(same=False, near=False, words="another file than the hub's")
    address = urljoin(document.address, str(url))
    with _session(document.address or address, token).open("GET", address) as answer:
        theirs = answer.check().read()
    return _seen(rendered.picture, theirs)


def _is_hubs(document: Document, made: bytes) -> bool:
    return hashlib.sha256(made).hexdigest() == (document.picture or {}).get("sha256")


def _seen(ours: "Image", data: bytes) -> Verdict:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        theirs = picture.convert("RGB")
    if ours.size != theirs.size:
        return Verdict(same=False, near=False, words="a picture of another size than the hub's")
    apart = np.abs(np.asarray(ours, "f4") - np.asarray(theirs, "f4"))
    mean = float(apart.mean()) / 255
    if not apart.any():
        return Verdict(same=True, near=True, words="the same picture, bit for bit")
    words = f"a mean difference of {mean:.6f} (0 to 1), at most {int(apart.max())} of 255"
    return Verdict(same=False, near=mean <= TOLERANCE, words=words)


def _document(found: Any, address: str) -> Document:
    if not isinstance(found, dict) or "recipe" not in found:
        raise CannotReproduce("That is no recipe of a preview: it has no part `recipe`.")
    try:
        recipe = recipes.read(found["recipe"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CannotReproduce(f"The recipe can't be read: {where}: {first['msg']}.") from error
    parts = {name: found.get(name) for name in ("files", "base", "picture", "facts")}
    clean = {name: part if isinstance(part, dict) else {} for name, part in parts.items()}
    text = found.get("text")
    return Document(
        recipe=recipe,
        files=clean["files"],
        base=clean["base"],
        picture=clean["picture"] or None,
        text=text if isinstance(text, str) else None,
        facts=clean["facts"],
        address=address,
    )


def _fetched_base(document: Document) -> Path:
    told = document.base
    source, endpoint = told.get("source"), told.get("endpoint")
    if source and Path(str(source)).exists():
        return Path(str(source))
    if not source or (not endpoint and not document.address):
        raise CannotReproduce(
            f"The base {told.get('title') or document.recipe.base.id!r} is a folder of the hub's "
            "worker. Name your copy of it with --base FOLDER."
        )
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            str(source),
            revision=str(told.get("revision") or "main"),
            endpoint=str(endpoint or _origin(document.address)),
            allow_patterns=["*.safetensors", "*.json", "*.txt", "*.model"],
        )
    )


def _download(url: str, path: Path, document: Document, token: str | None) -> None:
    with _session(document.address or url, token).open("GET", url) as answer:
        answer.check()
        buffer = memoryview(bytearray(_PIECE))
        with path.open("wb") as file:
            while count := answer.readinto(buffer):
                file.write(buffer[:count])


def _session(address: str, token: str | None) -> Session:
    """The token goes to the hub that gave the document, wherever the files are."""
    origin = _origin(address)
    return Session(origin, token or find_token(origin))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
