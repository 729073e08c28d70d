from collections.abc import Callable
from typing import Any

import pytest

from lorahub_server.community.discussions import pulls, service
from lorahub_server.repos import commit as commits
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from support.inside import Inside


class Talk:
    """Threads in alice/style, where everybody may read."""

    def __init__(self, hub: Inside) -> None:
        self.hub = hub

    def call(self, who: str, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        with self.hub.tx(who) as tx:
            repo = repos.get_repo(tx, "alice", "style")
            return function(tx, repo, *arguments, **more)

    def look(self, who: str | None, function: Callable[..., Any], *arguments: Any) -> Any:
        with self.hub.look(who) as tx:
            repo = repos.get_repo(tx, "alice", "style")
            return function(tx, repo, *arguments)

    def begin(self, who: str = "bob", title: str = "Question", text: str = "What is it?") -> int:
        return self.call(who, lambda *a: service.create(*a).num, title, text)

    def open(
        self,
        files: dict[str, bytes | str | None],
        who: str = "bob",
        message: str = "Mend",
        **more: Any,
    ) -> int:
        """Open a pull request with a commit; return its number."""

        def do(tx, repo):
            return pulls.open_with(tx, repo, "main", operations(files), message, **more).thread.num

        return self.call(who, do)

    def add(
        self, num: int, files: dict[str, bytes | str | None], who: str = "bob", **more: Any
    ) -> str:
        return self.call(who, pulls.commit, num, operations(files), "More", **more).revision

    def state(self, num: int, who: str | None = None) -> pulls.State:
        return self.look(who, lambda tx, repo: pulls.state(tx, repo, service.get(tx, repo, num)))

    def merge(self, num: int, who: str = "alice", **more: Any) -> None:
        self.call(who, lambda *a: pulls.merge_pull(*a, **more) and None, num)

    def status(self, num: int) -> str:
        return self.look(None, lambda *a: service.get(*a).status, num)

    def events(self, num: int) -> list[tuple[str, str, Any]]:
        """Return the kind, the author and the content of everything in a thread."""

        def do(tx, repo):
            found = service.events_of(tx, service.get(tx, repo, num))
            return [
                (e.kind, e.author.name, e.text if e.kind == "comment" else e.data) for e in found
            ]

        return self.look(None, do)

    def head(self, name: str = "main") -> str:
        return self.look(None, refs.resolve, name)

    def read(self, path: str, revision: str = "main") -> bytes | None:
        from lorahub_server.repos import trees

        def do(tx, repo):
            entry = trees.find_file(tx, repo, refs.resolve(tx, repo, revision), path)
            return None if entry is None else trees.read_file(tx, repo, entry)

        return self.look(None, do)


def operations(files: dict[str, bytes | str | None]) -> list[commits.Operation]:
    """Bytes as they are, a text is a blob's SHA-256, None deletes."""
    found: list[commits.Operation] = []
    for path, content in files.items():
        if content is None:
            found.append(commits.DeletePath(path))
        elif isinstance(content, str):
            found.append(commits.AddBlob(path, content))
        else:
            found.append(commits.AddFile(path, content))
    return found


def _begin(hub: Inside) -> Talk:
    hub.make_repo()
    hub.commit({"README.md": b"# Style\n", "a.txt": b"one\ntwo\nthree\n", "d/b.txt": b"b\n"})
    return Talk(hub)


@pytest.fixture
def talk(small: Inside) -> Talk:
    return _begin(small)


@pytest.fixture
def each_talk(inside: Inside) -> Talk:
    """On each database."""
    return _begin(inside)
