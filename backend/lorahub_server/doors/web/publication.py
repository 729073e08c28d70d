"""From uploaded files and a form to the operations of one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import UploadIncomplete, UploadNotFound
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.doors.web import families, words
from lorahub_server.doors.web.guess import Wish
from lorahub_server.kit import names
from lorahub_server.kit.errors import HubError
from lorahub_server.library import card as cards
from lorahub_server.library import overlay
from lorahub_server.repos.commit import AddBlob, AddFile, Operation
from lorahub_server.storage.keys import blob_key

FILES_MAX = 100
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")


class NoPicture(HubError):
    status = 422
    code = "no_picture"


class SameName(HubError):
    status = 422
    code = "same_name"


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file. `content` are the bytes of a small one that is not weights."""

    upload_id: str
    name: str
    size: int
    sha256: str
    summary: dict[str, Any] | None
    content: bytes | None

    @property
    def is_picture(self) -> bool:
        return words.ending(self.name) in words.PICTURES


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    content: bytes


def load(tx: Tx, upload_ids: Sequence[str], paths: Sequence[str] = ()) -> list[File]:
    """Return the caller's finished uploads; raises UploadNotFound or UploadIncomplete.

    `paths`: where each goes in the repository, in the order of the ids; else under its own name.
    Raises SameName where two would go to the same place.
    """
    at = dict(zip(upload_ids, paths, strict=False))
    found = [uploads.get_upload(tx, upload_id) for upload_id in dict.fromkeys(upload_ids)]
    for upload in found:
        if upload.state != "done" or upload.blob_sha256 is None:
            raise UploadIncomplete(upload.received, upload.size or upload.received)
    usable = blobs.may_use_all(tx, [upload.blob_sha256 or "" for upload in found])
    files = []
    for upload in found:
        blob = usable.get(upload.blob_sha256 or "")
        if blob is None:
            raise UploadNotFound
        is_small = blob.summary is None and blob.size <= INLINE_MAX
        content = tx.store.read(blob_key(blob.sha256)) if is_small else None
        name = names.check_path(at.get(upload.id) or upload.name)
        files.append(File(upload.id, name, blob.size, blob.sha256, blob.summary, content))
    _check_places(files)
    return files


def _check_places(files: Sequence[File]) -> None:
    seen: set[str] = set()
    for file in files:
        if file.name in seen:
            message = (
                f"Two of the files are called {file.name}. Rename one of them, or put them into "
                "folders and send the folder that holds both."
            )
            raise SameName(message, place="files")
        seen.add(file.name)


def facts_of(files: Sequence[File]) -> dict[str, Any]:
    """Return what the first adapter file tells, with what its configuration adds."""
    first = next((file for file in files if file.summary is not None), None)
    if first is None or first.summary is None:
        return {}
    folder, slash, _ = first.name.rpartition("/")
    config = _content(files, f"{folder}{slash}{overlay.CONFIG_NAME}")
    summary = first.summary
    return overlay.with_config(summary, overlay.read_config(config) if config else None)


def card_among(files: Sequence[File]) -> bytes | None:
    return _content(files, cards.NAME)


def check_picture(name: str, content: bytes) -> Picture:
    """Return the picture, or raise NoPicture for what browsers would not show as one."""
    if words.ending(name) not in words.PICTURES or not content.startswith(_PICTURES):
        message = f"{name} is no PNG, JPEG, WebP or GIF picture. Leave it out, or convert it."
        raise NoPicture(message, place="pictures")
    return Picture(name, content)


def card_text(before: bytes, wish: Wish, facts: dict[str, Any], pictures: Sequence[str]) -> bytes:
    """Return the card with what the form says; the rest of an earlier card stays."""
    triggers = cards.split_words(wish.words)
    front: dict[str, Any] = {
        "license": wish.license,
        "base_model": wish.base_model,
        "library_name": _library(facts),
        "tags": cards.normalised_tags(words.words_of(wish.tags)),
        "trigger_words": triggers,
    }
    if pictures:
        prompt = ", ".join(triggers) or wish.title
        front["widget"] = [{"text": prompt, "output": {"url": name}} for name in pictures]
    body = f"# {wish.title}\n\n{wish.description}".strip()
    if not before.strip():
        return cards.compose(front, body)
    if not front["library_name"]:
        del front["library_name"]
    return cards.edit(before, front, body=body)


def operations(
    files: Sequence[File], pictures: Sequence[Picture | File], card: bytes
) -> list[Operation]:
    """Return what the commit consists of: small files inside it, the rest by their hash."""
    made: dict[str, Operation] = {}
    for file in (*files, *pictures):
        if isinstance(file, Picture) or file.content is not None:
            made[file.name] = AddFile(file.name, file.content or b"")
        else:
            made[file.name] = AddBlob(file.name, file.sha256)
    made[cards.NAME] = AddFile(cards.NAME, card)
    return list(made.values())


def _content(files: Sequence[File], name: str) -> bytes | None:
    return next((file.content for file in files if file.name == name and file.content), None)


def _library(facts: dict[str, Any]) -> str:
    """Return which library loads it, in the words of model cards."""
    if facts.get("layout") == "peft":
        return "peft"
    makes = families.family_makes(facts.get("family"))
    return "diffusers" if makes in ("image", "video") else ""
