"""A manifest whose adapter files are replaced by what the hub makes of them."""

import time
from collections.abc import Sequence

from lorahub.errors import LorahubError
from lorahub.hub import Hub
from lorahub.models import Form, Manifest, RemoteFile, Variant
from lorahub.progress import Reporter
from lorahub.transfer.layout import chosen

_FIRST_S, _MOST_S = 0.3, 3.0
_CONFIG = "adapter_config.json"
_BUSY = ("waiting", "running")


def in_form(
    hub: Hub, manifest: Manifest, form: Form, patterns: Sequence[str], reporter: Reporter
) -> Manifest:
    """Return the manifest with every chosen adapter file in that form, made by the hub meanwhile.

    PEFT's configuration goes with the file it describes. Raises what the hub says can't be made.
    """
    wanted = {file.path for file in chosen(manifest, patterns)}
    adapters = [adapter for adapter in manifest.adapters if adapter.path in wanted]
    if not adapters:
        raise LorahubError(
            f"{manifest.repo} has no adapter file that could be made into another form.",
            code="not_convertible",
        )
    asked = [hub.ask_variant(manifest.repo, manifest.revision, a.path, form) for a in adapters]
    files = {file.path: file for file in manifest.files}
    facts = list(manifest.adapters)
    for adapter, first in zip(adapters, asked, strict=True):
        if first.state in _BUSY:
            reporter.note(f"{adapter.path}: the hub is making it with {form}")
        variant = _made(hub, manifest.repo, first, adapter.path)
        folder = adapter.path.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        files.pop(adapter.path, None)
        files.pop(prefix + _CONFIG, None)
        for file in variant.files:
            path = prefix + file.name
            files[path] = RemoteFile(
                path, file.size, file.sha256, large=True, url=file.name, variant=variant.id
            )
        weights = variant.files[0]
        facts.remove(adapter)
        layout = form.layout or adapter.layout
        facts.append(
            adapter._replace(path=prefix + weights.name, sha256=weights.sha256, layout=layout)
        )
    return manifest._replace(files=list(files.values()), adapters=facts)


def _made(hub: Hub, repo: str, variant: Variant, path: str) -> Variant:
    pause = _FIRST_S
    while variant.state in _BUSY:
        time.sleep(pause)
        pause = min(pause * 1.5, _MOST_S)
        variant = hub.variant(repo, variant.id)
    if variant.state != "done" or not variant.files:
        said = variant.error or {}
        message = str(said.get("message") or "The hub could not make it.")
        raise LorahubError(f"{path}: {message}", code=str(said.get("code") or "not_convertible"))
    return variant
