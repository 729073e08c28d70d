"""`pull`: from a name to verified files in their place."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lorahub.errors import LorahubError
from lorahub.hub import Hub, hub_for
from lorahub.models import Form, Manifest, RemoteFile
from lorahub.names import Target, file_path
from lorahub.progress import Reporter, Silent, listed, size
from lorahub.settings import number
from lorahub.transfer import layout, part, placing
from lorahub.transfer.cache import Cache
from lorahub.transfer.download import PIECE_BYTES, Download, Mismatch
from lorahub.transfer.layout import Layout, Place, Wish
from lorahub.transfer.parallel import for_all
from lorahub.transfer.part import Part
from lorahub.transfer.results import Pulled, PulledFile

_CONNECTIONS = 4


def pull(
    repo: str,
    *,
    to: str | Path | None = None,
    root: str | Path | None = None,
    revision: str | None = None,
    files: str | Sequence[str] = (),
    name: str | None = None,
    form: Form | None = None,
    force: bool = False,
    dry_run: bool = False,
    keep: bool = True,
    endpoint: str | None = None,
    token: str | None = None,
    reporter: Reporter | None = None,
    hub: Hub | None = None,
) -> Pulled:
    """Fetch files of `owner/name` or `owner/name@revision`, verify them, and place them.

    `to`: a folder, or a tool ("comfyui", "a1111", "forge", "diffusers", "peft") whose own folder
    `root` or its variable names; without it the folder `./<name>/`. `files`: paths or patterns,
    default all. `name`: what to call the adapter, or the folder, instead of the repository's name.
    `form`: have the hub make the adapter files in this layout, dtype or rank.
    `force`: also replace files that differ and that no pull put there. `keep`: whether the bytes
    stay in the cache too. Nothing is placed unless all of it was verified.
    """
    target = Target.parse(repo, revision)
    wish = Wish(to, root, (files,) if isinstance(files, str) else tuple(files), name)
    own = hub is None
    hub = hub or hub_for(target.endpoint, endpoint, token)
    try:
        job = _Pull(hub, target, wish, reporter or Silent(), form)
        return job.run(force=force, dry_run=dry_run, keep=keep)
    finally:
        if own:
            hub.close()


class _Pull:
    def __init__(
        self, hub: Hub, target: Target, wish: Wish, reporter: Reporter, form: Form | None
    ) -> None:
        self.hub = hub
        self.form = form
        self.target = target
        self.wish = wish
        self.reporter = reporter
        self.cache = Cache()
        self.places = placing.Places(self.cache)
        self.connections = number("LORAHUB_CONNECTIONS", _CONNECTIONS, least=1, most=32)
        self.fetched: set[str] = set()
        self.bytes_fetched = 0
        hub.session.notify = reporter.note

    def run(self, *, force: bool, dry_run: bool, keep: bool) -> Pulled:
        manifest = self._manifest()
        plan = layout.lay_out(self.wish, manifest, self._page(manifest), self._description())
        self._warn(plan)
        states = self._states(manifest, plan, force=force)
        if not dry_run:
            self.cache.prepare()
            wanted = _wanted(plan, states)
            self._check_room(plan, wanted, keep=keep)
            self._fetch_all(manifest, wanted)
            self._place_all(manifest, plan, states, keep=keep)
            self.cache.sweep()
        return self._result(manifest, plan, states, dry_run=dry_run)

    def _manifest(self) -> Manifest:
        name = str(self.target.repo)
        manifest = self.hub.manifest(name, self.target.revision or "HEAD")
        if manifest.repo.casefold() != name.casefold():
            self.reporter.note(f"{name} is called {manifest.repo} now.")
        if self.form is None:
            return manifest
        from lorahub.transfer.variants import in_form

        # A folder that is not there is told of before the hub makes anything.
        layout.lay_out(self.wish, manifest, self._page(manifest), None)
        wanted = {file.path for file in layout.chosen(manifest, self.wish.files)}
        made = in_form(self.hub, manifest, self.form, self.wish.files, self.reporter)
        if self.wish.files:
            named = [file.path for file in made.files if file.variant or file.path in wanted]
            self.wish = self.wish._replace(files=named)
        return made

    def _warn(self, plan: Layout) -> None:
        """PEFT can't load weights alone; better said now than found out later."""
        tool = layout.tool_of(self.wish.to)
        if tool is not None and tool.name == "peft":
            names = {place.target.name for place in plan.places}
            if "adapter_config.json" not in names:
                self.reporter.note("No adapter_config.json is among the files: PEFT needs one.")

    def _page(self, manifest: Manifest) -> str:
        return f"{self.hub.endpoint}/{manifest.repo}"

    def _description(self) -> str | None:
        """A line for a tool that shows one; not worth failing for."""
        tool = layout.tool_of(self.wish.to)
        if tool is None or not tool.reads_settings:
            return None
        try:
            found = self.hub.get_repo(str(self.target.repo))
        except LorahubError:
            return None
        return found.summary or found.title

    def _states(self, manifest: Manifest, plan: Layout, *, force: bool) -> list[str]:
        """What is at each place; raises when something would be lost."""
        states = [self._state(manifest, place) for place in plan.places]
        conflicts = [
            place
            for place, state in zip(plan.places, states, strict=True)
            if state == "conflict" and not place.is_side
        ]
        if conflicts and not force:
            names = listed([str(place.target) for place in conflicts])
            raise LorahubError(
                f"These differ from what {manifest.repo} has, and were changed or not put there by "
                f"a pull of it: {names}. Use --force to replace them, --to for another "
                "folder, or --as for another name.",
                code="would_overwrite",
            )
        sides = {True: "replace", False: "kept"}
        return [sides[force] if state == "conflict" else state for state in states]

    def _state(self, manifest: Manifest, place: Place) -> str:
        sha256, length = _identity(place)
        return placing.state_of(place.target, sha256, length, manifest.repo, self.places)

    def _check_room(self, plan: Layout, wanted: Sequence[RemoteFile], *, keep: bool) -> None:
        fetch = sum(self.cache.missing_bytes(file.sha256, file.size) for file in wanted)
        place = sum(file.size for file in wanted)
        root = _existing(plan.root)
        if _device(root) == _device(self.cache.root):
            _check_free(self.cache.root, fetch + (place if keep else 0))
        else:
            _check_free(self.cache.root, fetch)
            _check_free(root, place)

    def _fetch_all(self, manifest: Manifest, wanted: Sequence[RemoteFile]) -> None:
        """Small files side by side, a large one by itself over all connections."""
        unique = list({file.sha256: file for file in wanted}.values())
        missing = [file for file in unique if not self.cache.has(file.sha256, file.size)]
        total = sum(file.size for file in missing)
        left = sum(self.cache.missing_bytes(file.sha256, file.size) for file in missing)
        self.reporter.start(manifest.repo, total, total - left)
        try:
            small = [file for file in unique if file.size <= PIECE_BYTES]
            large = [file for file in unique if file.size > PIECE_BYTES]
            for_all(small, lambda file: self._fetch(manifest, file), self.connections)
            for file in large:
                self._fetch(manifest, file)
        finally:
            self.reporter.stop()

    def _fetch(self, manifest: Manifest, file: RemoteFile) -> None:
        def waiting() -> None:
            self.reporter.note(f"{file.path}: another pull is fetching it; waiting for that one")

        with self.cache.held(file.sha256, waiting):
            if self.cache.verify(file.sha256, file.size, lambda _: None):
                return
            try:
                self._download(manifest, file)
            except Mismatch as error:
                raise Mismatch(f"{file.path}: {error.message} Nothing was placed.") from error
            self.cache.store(file.sha256)
            self.fetched.add(file.sha256)

    def _download(self, manifest: Manifest, file: RemoteFile) -> None:
        path = self.cache.part(file.sha256)
        url = f"{manifest.repo}/{_address(manifest, file)}"
        while True:
            opened = Part.open(path, file.size)
            left_by_others = opened.there.total
            try:
                Download(
                    self.hub.session,
                    f"{self.hub.endpoint}/{url}",
                    opened,
                    file.sha256,
                    connections=self.connections,
                    on_bytes=self._count,
                ).run()
            except Mismatch:
                opened.close()
                part.discard(path)
                if not left_by_others:
                    raise
                # The hub is not to blame before the file came from it in one go.
                self.reporter.note(f"{file.path}: what an earlier run left is damaged; once more")
                self.reporter.add(-file.size)
            else:
                return
            finally:
                opened.close()

    def _count(self, count: int) -> None:
        self.bytes_fetched += count
        self.reporter.add(count)

    def _place_all(
        self, manifest: Manifest, plan: Layout, states: Sequence[str], *, keep: bool
    ) -> None:
        last = {file.sha256: place for place in plan.places if (file := place.file)}
        for place, state in zip(plan.places, states, strict=True):
            sha256, _ = _identity(place)
            if state in ("missing", "replace"):
                if place.file is None:
                    placing.write(place.target, place.content)
                else:
                    move = not keep and last[sha256] is place
                    # Held, so that two pulls don't both take the cached file itself.
                    with self.cache.held(sha256, lambda: None):
                        placing.put(self.cache.blob(sha256), place.target, move=move)
            if state != "kept":
                self.places.put(place.target, placing.Placed(manifest.repo, sha256))

    def _source(self, place: Place) -> str:
        """Where the bytes that were placed came from."""
        if place.file is None:
            return "written"
        return "fetched" if place.file.sha256 in self.fetched else "cached"

    def _result(
        self, manifest: Manifest, plan: Layout, states: Sequence[str], *, dry_run: bool
    ) -> Pulled:
        files = []
        for place, state in zip(plan.places, states, strict=True):
            sha256, length = _identity(place)
            written = state in ("missing", "replace") and not dry_run
            shown = self._source(place) if written else state
            path = place.file and place.file.path
            files.append(PulledFile(path, place.target, length, sha256, shown))
        return Pulled(
            manifest.repo,
            manifest.revision,
            plan.shown,
            files,
            manifest.trigger_words,
            self.bytes_fetched,
        )


def _wanted(plan: Layout, states: Sequence[str]) -> list[RemoteFile]:
    """The files whose bytes are needed."""
    return [
        place.file
        for place, state in zip(plan.places, states, strict=True)
        if place.file is not None and state in ("missing", "replace")
    ]


def _address(manifest: Manifest, file: RemoteFile) -> str:
    if file.variant:
        return f"variants/{file.variant}/{file_path(file.url)}"
    return f"resolve/{manifest.revision}/{file_path(file.path)}"


def _identity(place: Place) -> tuple[str, int]:
    if place.file is not None:
        return place.file.sha256, place.file.size
    import hashlib

    return hashlib.sha256(place.content).hexdigest(), len(place.content)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _device(folder: Path) -> int:
    return folder.stat().st_dev


def _check_free(folder: Path, needed: int) -> None:
    if sys.platform == "win32":
        import shutil

        free = shutil.disk_usage(folder).free
    else:
        found = os.statvfs(folder)
        free = found.f_bavail * found.f_frsize
    if needed > free:
        raise LorahubError(
            f"The disk of {folder} has {size(free)} free, and {size(needed)} are needed. Make "
            "room, choose another folder with --to, or another cache with LORAHUB_CACHE.",
            code="disk",
        )
