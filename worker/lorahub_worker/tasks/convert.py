"""Makes a variant of an adapter file: another layout, dtype or rank."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.plan import make_variant, read_recipe
from lorahub_server.insight.variants import service as variants
from lorahub_server.jobs import JobContext, JobFailed, handler
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import variant_key
from lorahub_worker.local import local_copy, workshop

_PIECE = 1024 * 1024
# Of the converter's report; what it says of each module is for whoever makes it at home.
_TOLD = ("layout", "family", "dtypes", "rank", "ranks", "lossy", "error", "energy", "notes")


@handler(variants.KIND, queue="cpu", max_attempts=3, lease_s=60, max_run_s=1800)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Make the variant `args["id"]` from the blob `args["sha256"]` by `args["recipe"]`."""
    variant_id = args["id"]
    with workshop() as folder:
        source = local_copy(ctx, args["sha256"], folder, args["name"])
        out = folder / "made"
        out.mkdir()
        try:
            files, report = make_variant(
                source,
                args.get("config"),
                out,
                read_recipe(args["recipe"]),
                progress=lambda done, total: ctx.progress(done, total, "converting"),
            )
        except AdapterFileError as error:
            code, told, moment = error.code, str(error), now()
            raise JobFailed(
                code, told, lambda s: variants.record_refused(s, variant_id, code, told, moment)
            ) from error
        facts = {name: getattr(report, name) for name in _TOLD}
        stored = [_stored(ctx, variant_id, at, path, out) for at, path in enumerate(files)]
    return lambda session: variants.record_made(session, variant_id, stored, facts)


def _stored(ctx: JobContext, variant_id: str, number: int, path: Path, out: Path) -> dict[str, Any]:
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                yield piece

    size = ctx.store.put(variant_key(variant_id, number), pieces())
    name = path.relative_to(out).as_posix()
    return {"name": name, "size": size, "sha256": digest.hexdigest()}
