"""Keeping what was rendered: the bytes first, then the rows, in transactions of their own."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from lorahub_server.insight.previews import covers, queries_pictures, rendering
from lorahub_server.insight.previews.model import PictureFacts
from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe, recipe_id
from lorahub_server.jobs import JobContext
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import copy_key, picture_key
from lorahub_worker.engines import png, small
from lorahub_worker.engines.classify import Classifier, load_classifier
from lorahub_worker.engines.spec import Rendered

if TYPE_CHECKING:
    from PIL.Image import Image


def keep(ctx: JobContext, recipe: ImageRecipe | TextRecipe, made: Rendered) -> None:
    """Record what came of a recipe; when somebody else did before, theirs stays."""
    key = recipe_id(recipe)
    if made.picture is not None:
        _keep_picture(ctx, key, made.picture, made.facts)
        return
    with ctx.db.write() as session:
        rendering.record_text(session, key, made.text or "", made.facts)


def _keep_picture(ctx: JobContext, key: str, picture: "Image", told: dict[str, Any]) -> None:
    rate = _classifier()
    rating = None if rate is None else rate(picture)
    data, copies = png.encode(picture), small.copies(picture)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = PictureFacts(sha256, "image/png", len(data), picture.width, picture.height)
    with ctx.db.write() as session:
        rendering.begin_picture(session, facts, now())
    ctx.store.put(picture_key(sha256), [data])
    sizes = put_copies(ctx, sha256, copies)
    with ctx.db.write() as session:
        queries_pictures.set_copies(session, sha256, sizes)
        rendering.record_picture(session, key, facts, told, rating)
        showing = rendering.repos_showing(session, key)
    for repo_id in showing:
        with ctx.db.write() as session:
            covers.refresh(session, repo_id)


def put_copies(ctx: JobContext, sha256: str, copies: Mapping[int, bytes]) -> dict[int, int]:
    """Put copies of a picture into the store; return their bytes by width."""
    for width, data in copies.items():
        ctx.store.put(copy_key(sha256, width), [data])
    return {width: len(data) for width, data in copies.items()}


@cache
def _classifier() -> Classifier | None:
    from lorahub_server.config import Settings

    return load_classifier(Settings().classifier)
