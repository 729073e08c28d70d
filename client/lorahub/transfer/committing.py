"""Making the commit of a push, also when the branch moves meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lorahub.errors import CONFLICT, Conflict
from lorahub.hub import Hub
from lorahub.models import Committed, Entry
from lorahub.progress import listed

_TRIES = 4
# A request's JSON may be so large; content in base64 takes a third more.
_MOST_CONTENT = 6 * 1024 * 1024
_MOST_OPERATIONS = 1000

Operation = Mapping[str, Any]


class Create(NamedTuple):
    """How the repository is made by its first commit."""

    private: bool


class Committer:
    """`hashes` has the SHA-256 of each path that is pushed. `create`: the repository is
    missing, and the first commit makes it.
    """

    def __init__(
        self,
        hub: Hub,
        repo: str,
        branch: str,
        hashes: Mapping[str, str],
        create: Create | None = None,
    ) -> None:
        self._hub = hub
        self._repo = repo
        self._branch = branch
        self._hashes = hashes
        self._create = create

    def commit(self, operations: Sequence[Operation], message: str, head: str | None) -> Committed:
        """One commit, or several where one request can't hold it all."""
        parts = batches(operations)
        done: Committed | None = None
        changed = False
        for number, part in enumerate(parts, 1):
            title = message if len(parts) == 1 else f"{message} ({number}/{len(parts)})"
            done = self._commit(part, title, done.revision if done else head)
            changed = changed or done.changed
        assert done is not None
        return done._replace(changed=changed)

    def _commit(
        self, operations: Sequence[Operation], message: str, parent: str | None
    ) -> Committed:
        for _ in range(_TRIES):
            try:
                return self._hub.commit(
                    self._repo,
                    operations,
                    message,
                    branch=self._branch,
                    parent=parent,
                    create=self._create is not None and parent is None,
                    private=self._create is not None and self._create.private,
                )
            except Conflict as error:
                head = error.details.get("head")
                if error.code != "conflict" or not isinstance(head, str) or head == parent:
                    raise
                operations = self._apart(operations, parent, head)
                if not operations:
                    return Committed(head, changed=False, branch=self._branch)
                parent = head
        raise Conflict(
            f"{self._branch} of {self._repo} keeps moving: others push all the time. Push again.",
            status=CONFLICT,
            code="conflict",
        )

    def _apart(
        self, operations: Sequence[Operation], parent: str | None, head: str
    ) -> list[Operation]:
        """What is still to be done; raises when somebody changed the same files in another way."""
        before = self._entries(parent) if parent else {}
        after = self._entries(head)
        touched = {path for path in {*before, *after} if _differ(before, after, path)}
        ours = {str(operation["path"]): operation["op"] for operation in operations}
        both = [
            path
            for path in sorted(touched & set(ours))
            if not self._is_wanted(ours[path], after.get(path), path)
        ]
        if both:
            raise Conflict(
                f"While this push ran, somebody changed {listed(both)} on {self._branch} "
                f"of {self._repo} (now {head[:12]}), and that was left as it is. Look at what is "
                "there; push again to put yours in its place.",
                status=CONFLICT,
                code="conflict",
                details={"head": head, "paths": both},
            )
        return [
            operation
            for operation in operations
            if not self._is_wanted(operation["op"], after.get(operation["path"]), operation["path"])
        ]

    def _is_wanted(self, op: str, entry: Entry | None, path: str) -> bool:
        """Whether what is there now is what this push would make of it."""
        if op == "delete":
            return entry is None
        return entry is not None and entry.sha256 == self._hashes.get(path)

    def _entries(self, revision: str) -> dict[str, Entry]:
        found = self._hub.tree(self._repo, revision, recursive=True)
        return {entry.path: entry for entry in found if entry.kind == "file"}


def batches(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Cut a commit where it would be too large; what is deleted goes last."""
    ordered = sorted(operations, key=lambda operation: operation["op"] == "delete")
    parts: list[list[Operation]] = [[]]
    content = 0
    for operation in ordered:
        length = len(operation.get("content", "")) * 3 // 4
        if parts[-1] and (content + length > _MOST_CONTENT or len(parts[-1]) >= _MOST_OPERATIONS):
            parts.append([])
            content = 0
        parts[-1].append(operation)
        content += length
    return parts


def _differ(before: Mapping[str, Entry], after: Mapping[str, Entry], path: str) -> bool:
    one, other = before.get(path), after.get(path)
    return one is None or other is None or one.oid != other.oid
