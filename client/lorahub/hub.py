"""Every call of the hub's API, typed. Errors are those of lorahub.errors."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lorahub import models
from lorahub.errors import UsageError
from lorahub.models import build, build_all, build_manifest, field
from lorahub.names import RepoName, file_path, piece
from lorahub.net.session import Body, Session
from lorahub.settings import find_endpoint, find_token, normal_endpoint

if TYPE_CHECKING:
    from lorahub.transfer.results import Pulled, Pushed

API = "api/hub/v1"
# The hub reads the whole file once more before it says that it is good.
_VERIFY_BYTES_PER_SECOND = 20_000_000
_HASHES_AT_ONCE = 500


class Hub:
    """A hub, as one caller. Without arguments: the one, and the token, that the command line
    would use. `token=""` calls as nobody. Threads may share it; `close` or a `with` ends it.
    """

    def __init__(self, endpoint: str | None = None, token: str | None = None) -> None:
        self.endpoint = find_endpoint(endpoint)
        self.token = find_token(self.endpoint, token) if token != "" else None
        self.session = Session(self.endpoint, self.token)

    def close(self) -> None:
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Whole jobs

    def pull(self, repo: str, **options: Any) -> "Pulled":
        """Fetch files of a repository; the options are those of `lorahub.pull`."""
        from lorahub.transfer.pulling import pull

        return pull(repo, hub=self, **options)

    def push(self, source: str | Path, repo: str, **options: Any) -> "Pushed":
        """Publish a file or folder; the options are those of `lorahub.push`."""
        from lorahub.transfer.pushing import push

        return push(source, repo, hub=self, **options)

    def upload(self, path: str | Path) -> models.Verified:
        """Send one large file and have it verified; commit it by its SHA-256 afterwards."""
        from lorahub.transfer.sending import upload_file

        return upload_file(self, Path(path))

    # Who is there

    def whoami(self) -> models.Identity:
        return build(models.Identity, self._json("GET", "whoami"))

    # Repositories

    def create_repo(self, repo: str, *, private: bool = False) -> models.Repo:
        owner, name = RepoName.parse(repo)
        asked = {"owner": owner, "name": name, "private": private}
        return build(models.Repo, self._json("POST", "repos", asked))

    def fork(
        self,
        repo: str,
        new: str | None = None,
        *,
        private: bool | None = None,
        default_branch_only: bool = False,
    ) -> models.Repo:
        """Make a repository of one's own that begins with the history of `repo`.

        `new` is its owner/name, or its name alone; without it the name stays the same.
        """
        asked: dict[str, Any] = {"default_branch_only": default_branch_only}
        if private is not None:
            asked["private"] = private
        if new is not None:
            owner, _, name = new.rpartition("/")
            asked["name"] = name
            if owner:
                asked["owner"], asked["name"] = RepoName.parse(new)
        return build(models.Repo, self._json("POST", f"{_of(repo)}/forks", asked))

    def get_repo(self, repo: str) -> models.Repo:
        return build(models.Repo, self._json("GET", _of(repo)))

    def list_repos(
        self,
        search: str | None = None,
        *,
        owner: str | None = None,
        tag: str | None = None,
        family: str | None = None,
        layout: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Repo]:
        """Repositories that the caller may see, page by page, at most `limit`.

        `search` is a search line: words, and filters as in `glass base:sdxl rank:8..64 -#anime`.
        """
        wanted = {"q": search, "owner": owner, "tag": tag, "family": family}
        wanted |= {"layout": layout, "sort": sort}
        yield from (build(models.Repo, item) for item in self._pages("repos", wanted, limit))

    def rename_repo(self, repo: str, name: str) -> models.Repo:
        return build(models.Repo, self._json("PATCH", _of(repo), {"name": name}))

    def set_private(self, repo: str, *, private: bool) -> models.Repo:
        return build(models.Repo, self._json("PATCH", _of(repo), {"private": private}))

    def delete_repo(self, repo: str) -> None:
        self._json("DELETE", _of(repo))

    def star(self, repo: str) -> int:
        """Star it; return how many stars it has."""
        return int(field(self._json("PUT", f"{_of(repo)}/star"), "stars"))

    def unstar(self, repo: str) -> int:
        return int(field(self._json("DELETE", f"{_of(repo)}/star"), "stars"))

    # History

    def refs(self, repo: str) -> models.Refs:
        found = self._json("GET", f"{_of(repo)}/refs")
        branches, tags = (field(found, name) for name in models.Refs._fields)
        return models.Refs(build_all(models.Ref, branches), build_all(models.Ref, tags))

    # Other forms of adapter files

    def ask_variant(self, repo: str, revision: str, path: str, form: models.Form) -> models.Variant:
        """Have an adapter file made in another form; it may be there already."""
        wish = {name: value for name, value in form._asdict().items() if value is not None}
        asked = {"revision": revision, "path": path, **wish}
        return models.build_variant(self._json("POST", f"{_of(repo)}/variants", asked))

    def variant(self, repo: str, variant_id: str) -> models.Variant:
        found = self._json("GET", f"{_of(repo)}/variants/{piece(variant_id)}")
        return models.build_variant(found)

    # Branches and tags

    def create_branch(self, repo: str, name: str, revision: str) -> None:
        self._json("POST", f"{_of(repo)}/branches", {"name": name, "revision": revision})

    def delete_branch(self, repo: str, name: str) -> None:
        self._json("DELETE", f"{_of(repo)}/branches/{piece(name)}")

    def create_tag(self, repo: str, name: str, revision: str, message: str = "") -> None:
        asked = {"name": name, "revision": revision, "message": message}
        self._json("POST", f"{_of(repo)}/tags", asked)

    def delete_tag(self, repo: str, name: str) -> None:
        self._json("DELETE", f"{_of(repo)}/tags/{piece(name)}")

    def tree(
        self, repo: str, revision: str = "HEAD", path: str = "", *, recursive: bool = False
    ) -> Iterator[models.Entry]:
        """The files and folders of a revision, or of a folder in it."""
        where = f"{_of(repo)}/tree/{piece(revision)}" + (f"/{file_path(path)}" if path else "")
        for item in self._pages(where, {"recursive": int(recursive)}):
            yield build(models.Entry, item)

    def commits(
        self, repo: str, revision: str = "HEAD", *, limit: int | None = None
    ) -> Iterator[models.CommitInfo]:
        where = f"{_of(repo)}/commits/{piece(revision)}"
        yield from (build(models.CommitInfo, item) for item in self._pages(where, {}, limit))

    def commit(
        self,
        repo: str,
        operations: Sequence[Mapping[str, Any]],
        message: str,
        *,
        branch: str = "main",
        description: str = "",
        parent: str | None = None,
        create: bool = False,
        private: bool = False,
    ) -> models.Committed:
        """Make one commit of operations, which `add`, `add_blob` and `remove` build. With a
        `parent` it is refused as a Conflict when the branch has moved on. `create`: make the
        repository too if it is missing, `private` or not; not if the commit is refused.
        """
        asked: dict[str, Any] = {"message": message, "operations": list(operations)}
        asked |= {"description": description} if description else {}
        asked |= {"parent": parent} if parent else {}
        asked |= {"create": True, "private": private} if create else {}
        where = f"{_of(repo)}/commits/{piece(branch)}"
        return build(models.Committed, self._json("POST", where, asked))

    def manifest(self, repo: str, revision: str = "HEAD") -> models.Manifest:
        return build_manifest(self._json("GET", f"{_of(repo)}/manifest/{piece(revision)}"))

    def read_file(self, repo: str, path: str, revision: str = "HEAD") -> bytes:
        """One small file's bytes. Large ones are for `pull`, which verifies and resumes."""
        where = f"{API}/{_of(repo)}/raw/{piece(revision)}/{file_path(path)}"
        with self.session.open("GET", where) as answer:
            return answer.check().read()

    def inspections(self, repo: str, revision: str = "HEAD") -> list[dict[str, Any]]:
        """What the hub found out about each adapter file, as JSON."""
        where = f"{_of(repo)}/inspections/{piece(revision)}"
        return list(field(self._json("GET", where), "items"))

    def look_up_hashes(self, hashes: Sequence[str]) -> list[models.Known]:
        """What the hub knows of files by their hashes, and what is newer; in the order given."""
        found: list[models.Known] = []
        for at in range(0, len(hashes), _HASHES_AT_ONCE):
            asked = {"hashes": list(hashes[at : at + _HASHES_AT_ONCE])}
            items = field(self._json("POST", "hashes", asked), "items")
            found += [models.build_known(item) for item in items]
        return found

    # Sending files, step by step

    def preupload(
        self,
        repo: str,
        files: Sequence[Mapping[str, Any]],
        *,
        branch: str = "main",
        create: bool = False,
        private: bool = False,
    ) -> models.Plan:
        """Ask what each of at most 1000 files (path, size, sha256) needs. `create`: for a commit
        that makes the repository.
        """
        where = f"{_of(repo)}/preupload/{piece(branch)}"
        asked: dict[str, Any] = {"files": list(files)}
        asked |= {"create": True, "private": private} if create else {}
        plan = build(models.Plan, self._json("POST", where, asked))
        return plan._replace(files=build_all(models.Planned, plan.files))

    def open_upload(self, name: str, size: int, sha256: str | None = None) -> models.Upload:
        """Begin an upload, or find the one that was begun with the same bytes."""
        asked = {"name": name, "size": size, **({"sha256": sha256} if sha256 else {})}
        return build(models.Upload, self._json("POST", "uploads", asked))

    def get_upload(self, upload_id: str) -> models.Upload:
        return build(models.Upload, self._json("GET", f"uploads/{piece(upload_id)}"))

    def append(self, upload_id: str, offset: int, body: Body, length: int) -> models.Upload:
        """Send the `length` bytes that follow the first `offset` ones."""
        headers = {
            "Upload-Offset": str(offset),
            "Content-Length": str(length),
            "Content-Type": "application/octet-stream",
            "Accept": "application/json",
        }
        where = f"{API}/uploads/{piece(upload_id)}"
        with self.session.open("PATCH", where, body=body, headers=headers) as answer:
            return build(models.Upload, answer.check().json())

    def complete(self, upload_id: str, size: int) -> models.Verified:
        """Have an upload verified. A file that the hub refuses raises ServerError."""
        seconds = self.session.seconds + size / _VERIFY_BYTES_PER_SECOND
        where = f"uploads/{piece(upload_id)}/complete"
        return build(models.Verified, self._json("POST", where, {}, seconds=seconds))

    def cancel_upload(self, upload_id: str) -> None:
        self._json("DELETE", f"uploads/{piece(upload_id)}")

    def _json(
        self, method: str, path: str, payload: Any = None, *, seconds: float | None = None
    ) -> Any:
        return self.session.json(method, f"{API}/{path}", payload, seconds=seconds)

    def _pages(
        self, path: str, query: Mapping[str, Any], limit: int | None = None
    ) -> Iterator[Any]:
        asked = {key: value for key, value in query.items() if value is not None}
        left = limit
        while left is None or left > 0:
            page = asked | ({} if left is None else {"limit": min(left, 100)})
            found = self.session.json("GET", f"{API}/{path}", query=page)
            items: list[Any] = field(found, "items")[:left]
            yield from items
            left = None if left is None else left - len(items)
            if not found.get("next"):
                return
            asked["cursor"] = found["next"]


def hub_for(page_of: str | None, endpoint: str | None, token: str | None) -> Hub:
    """The hub that a command means: the one whose page it names, or the one that is set. A token
    in the environment is not sent to a hub that only a pasted address names.
    """
    usual = find_endpoint(endpoint)
    if page_of is None or normal_endpoint(page_of) == usual:
        return Hub(usual, token)
    if endpoint is not None:
        raise UsageError(f"Two hubs are named: {endpoint} and {page_of}.")
    return Hub(page_of, find_token(normal_endpoint(page_of), token, environment=False) or "")


def add(path: str, content: bytes) -> dict[str, Any]:
    """A small file of a commit."""
    return {"op": "add", "path": path, "content": base64.b64encode(content).decode()}


def add_blob(path: str, sha256: str) -> dict[str, Any]:
    """A file of a commit that the hub has already."""
    return {"op": "add", "path": path, "sha256": sha256}


def remove(path: str) -> dict[str, Any]:
    return {"op": "delete", "path": path}


def _of(repo: str) -> str:
    return f"repos/{RepoName.parse(repo)}"
