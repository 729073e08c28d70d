"""`push`: from local files to one commit on a hub."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lorahub import hub as calls
from lorahub.adapters import is_weight_name
from lorahub.errors import Gone, NotAllowed, NotFound, UsageError
from lorahub.hub import Hub, hub_for
from lorahub.models import Committed, Identity, Repo
from lorahub.names import Target
from lorahub.progress import Reporter, Silent
from lorahub.settings import number
from lorahub.transfer import scanning
from lorahub.transfer.committing import Committer, Create
from lorahub.transfer.hashing import sha256_of
from lorahub.transfer.parallel import for_all
from lorahub.transfer.results import Pushed, PushedFile
from lorahub.transfer.scanning import LocalFile, Scan
from lorahub.transfer.sending import changed, upload_file

_AT_ONCE = 2
_ASKED_AT_ONCE = 1000
_INLINE_BYTES = 1024 * 1024
# The hub keeps it right by itself.
_NEVER_DELETED = frozenset({".gitattributes"})


def push(
    source: str | Path,
    repo: str,
    *,
    message: str | None = None,
    branch: str | None = None,
    private: bool = False,
    delete: bool = False,
    exclude: str | Sequence[str] = (),
    dry_run: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    reporter: Reporter | None = None,
    hub: Hub | None = None,
) -> Pushed:
    """Publish a file, or all files of a folder, as one commit to `owner/name` (or `name`, of the
    account that the token belongs to). A repository that is missing is made, `private` or not.

    What the hub has is not sent again; an upload that was cut off goes on. `delete` removes files
    of the branch that the folder does not have; `exclude` are patterns of files to leave out.
    """
    patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    source = Path(source).expanduser()
    if delete and not source.is_dir():
        raise UsageError("Deleting what is missing needs a folder, not a file.")
    page, name = _named(repo)
    own = hub is None
    hub = hub or hub_for(page, endpoint, token)
    try:
        job = _Push(hub, name, branch, reporter or Silent())
        found = scanning.scan(source, patterns)
        default = f"Add {found.files[0].path}" if source.is_file() else "Update files"
        return job.run(
            found, patterns, message or default, private=private, delete=delete, dry_run=dry_run
        )
    finally:
        if own:
            hub.close()


def _named(repo: str) -> tuple[str | None, str]:
    """The hub whose page was named, if one was, and the repository."""
    if "/" not in repo:
        return None, repo
    target = Target.parse(repo)
    if target.revision is not None:
        raise UsageError("A push goes to a branch: name it with --branch instead of @.")
    return target.endpoint, str(target.repo)


class _Push:
    def __init__(self, hub: Hub, name: str, branch: str | None, reporter: Reporter) -> None:
        self.hub = hub
        self.name = name
        self.branch = branch or "main"
        self.reporter = reporter
        self.at_once = number("LORAHUB_CONNECTIONS", _AT_ONCE, least=1, most=32)
        self.hashes: dict[str, str] = {}
        self.create: Create | None = None
        self.bytes_sent = 0
        hub.session.notify = reporter.note

    def run(
        self,
        found: Scan,
        exclude: Sequence[str],
        message: str,
        *,
        private: bool,
        delete: bool,
        dry_run: bool,
    ) -> Pushed:
        scanning.check_paths(found.files)
        scanning.check_content(found.files)
        for path in found.left_out:
            self.reporter.note(f"left out: {path}")
        repo = self._open_repo(self._caller())
        self._hash_all(found.files)
        # Made by the first commit: what is refused leaves no empty repository.
        self.create = Create(private) if repo is None else None
        if repo is not None and not dry_run:
            self._open_branch(repo)
        guess = repo is None and dry_run
        head, plan = (None, self._guess(found.files)) if guess else self._plan(found.files)
        if delete and head:
            plan += self._deletions(head, found, exclude)
        done = None if dry_run else self._send(found.files, plan, message, head)
        return Pushed(
            repo=self.name,
            branch=self.branch,
            revision=done.revision if done else head,
            changed=done.changed if done else any(file.action != "same" for file in plan),
            url=f"{self.hub.endpoint}/{self.name}",
            files=plan,
            left_out=found.left_out,
            bytes_sent=self.bytes_sent,
        )

    def _caller(self) -> Identity:
        """Who is pushing; better asked before gigabytes are read."""
        caller = self.hub.whoami()
        scopes = (caller.token or {}).get("scopes")
        if isinstance(scopes, list) and "write" not in scopes:
            raise NotAllowed(
                "The token may only read. Make one that may write at "
                f"{self.hub.endpoint}/settings/tokens and run `lorahub login`.",
                status=403,
                code="scope_missing",
            )
        return caller

    def _open_repo(self, caller: Identity) -> Repo | None:
        """The repository, or None when it is still to be made. A renamed one gives its name."""
        if "/" not in self.name:
            self.name = str(Target.parse(f"{caller.name}/{self.name}").repo)
        try:
            repo = self.hub.get_repo(self.name)
        except Gone:
            raise
        except NotFound:
            owner = self.name.partition("/")[0].casefold()
            if owner not in {caller.name.casefold(), *_organizations(caller)}:
                raise
            return None
        if repo.id.casefold() != self.name.casefold():
            self.reporter.note(f"{self.name} is called {repo.id} now.")
        self.name = repo.id
        return repo

    def _open_branch(self, repo: Repo) -> None:
        """A branch that is missing starts where the default branch is."""
        if self.branch == repo.default_branch or repo.revision is None:
            return
        if all(ref.name != self.branch for ref in self.hub.refs(self.name).branches):
            self.hub.create_branch(self.name, self.branch, repo.revision)

    def _hash_all(self, files: Sequence[LocalFile]) -> None:
        self.reporter.start("Reading", sum(file.size for file in files))

        def read(file: LocalFile) -> None:
            self.hashes[file.path] = sha256_of(file.place, self.reporter.add)

        try:
            for_all(files, read, self.at_once)
        finally:
            self.reporter.stop()

    def _plan(self, files: Sequence[LocalFile]) -> tuple[str | None, list[PushedFile]]:
        """The branch's head and what each file needs, said by the hub."""
        head: str | None = None
        actions: dict[str, str] = {}
        for start in range(0, len(files), _ASKED_AT_ONCE):
            asked = [
                {"path": file.path, "size": file.size, "sha256": self.hashes[file.path]}
                for file in files[start : start + _ASKED_AT_ONCE]
            ]
            answer = self.hub.preupload(
                self.name,
                asked,
                branch=self.branch,
                create=self.create is not None,
                private=self.create is not None and self.create.private,
            )
            head = answer.revision
            actions |= {planned.path: planned.action for planned in answer.files}
        return head, [self._planned(file, actions.get(file.path, "upload")) for file in files]

    def _guess(self, files: Sequence[LocalFile]) -> list[PushedFile]:
        """What a repository that is not there yet will need."""
        small = {
            file.path for file in files if file.size <= _INLINE_BYTES and not _is_weight(file.path)
        }
        return [self._planned(file, "inline" if file.path in small else "upload") for file in files]

    def _planned(self, file: LocalFile, action: str) -> PushedFile:
        return PushedFile(file.path, file.size, self.hashes[file.path], action)

    def _deletions(self, head: str, found: Scan, exclude: Sequence[str]) -> list[PushedFile]:
        """What the branch has and the folder has not; never what was left out on purpose."""
        here = {file.path for file in found.files} | set(found.left_out) | _NEVER_DELETED
        return [
            PushedFile(entry.path, entry.size, entry.sha256 or "", "delete")
            for entry in self.hub.tree(self.name, head, recursive=True)
            if entry.kind == "file"
            and entry.path not in here
            and not scanning.is_excluded(entry.path, exclude)
            and not any(entry.path.startswith(kept) for kept in found.left_out if kept[-1] == "/")
        ]

    def _send(
        self,
        files: Sequence[LocalFile],
        plan: Sequence[PushedFile],
        message: str,
        head: str | None,
    ) -> Committed | None:
        places = {file.path: file for file in files}
        self._upload_all([places[file.path] for file in plan if file.action == "upload"])
        operations = [self._operation(file, places) for file in plan if file.action != "same"]
        if not operations:
            return None if head is None else Committed(head, changed=False, branch=self.branch)
        committer = Committer(self.hub, self.name, self.branch, self.hashes, self.create)
        return committer.commit(operations, message, head)

    def _operation(self, file: PushedFile, places: Mapping[str, LocalFile]) -> Mapping[str, Any]:
        if file.action == "delete":
            return calls.remove(file.path)
        if file.action != "inline":
            return calls.add_blob(file.path, file.sha256)
        place = places[file.path].place
        content = place.read_bytes()
        import hashlib

        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise changed(place)
        self.bytes_sent += len(content)
        return calls.add(file.path, content)

    def _upload_all(self, files: Sequence[LocalFile]) -> None:
        unique = list({self.hashes[file.path]: file for file in files}.values())
        self.reporter.start("Sending", sum(file.size for file in unique))

        def count(sent: int) -> None:
            self.bytes_sent += sent
            self.reporter.add(sent)

        def send(file: LocalFile) -> None:
            sha256 = self.hashes[file.path]
            upload_file(
                self.hub,
                file.place,
                sha256,
                name=file.path,
                on_bytes=count,
                on_there=self.reporter.add,
            )

        try:
            for_all(unique, send, self.at_once)
        finally:
            self.reporter.stop()


def _is_weight(path: str) -> bool:
    return is_weight_name(posixpath.basename(path))


def _organizations(caller: Identity) -> set[str]:
    """Where the caller may make repositories; the hub has the last word."""
    roles = caller.organizations
    return {str(one.get("name")).casefold() for one in roles if one.get("role") != "read"}
