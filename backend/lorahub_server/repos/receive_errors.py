"""Why a push is refused. Sentences tell what to do with git."""

from collections.abc import Iterator
from contextlib import contextmanager

from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.kit.errors import HubError


class PushRefused(HubError):
    """The push as a whole is refused because of one ref, for what `error` says."""

    status = 422
    code = "push_refused"

    def __init__(self, ref: str, error: HubError) -> None:
        super().__init__(error.message, place=error.place, **error.details)
        self.ref = ref
        self.error = error


@contextmanager
def about(ref: str) -> Iterator[None]:
    """Let errors say which ref they are about."""
    try:
        yield
    except PushRefused:
        raise
    except HubError as error:
        raise PushRefused(ref, error) from error


@contextmanager
def in_commit(oid: str) -> Iterator[None]:
    """Let errors say which commit they are about, in the detail `commit`."""
    try:
        yield
    except HubError as error:
        error.details.setdefault("commit", oid)
        raise


class BadPush(HubError):
    """Something in the pushed history can't be here; `place` is the path where there is one."""

    status = 422
    code = "bad_push"


class StaleRef(BadPush):
    status = 409
    code = "conflict"

    def __init__(self, ref: str) -> None:
        kind, _, name = ref.removeprefix("refs/").partition("/")
        what = {"heads": "branch", "tags": "tag"}.get(kind, "ref")
        super().__init__(
            f"The {what} {name} has moved on since you fetched it. Run `git pull`, then push again."
        )


class Incomplete(BadPush):
    code = "push_incomplete"

    def __init__(self, oid: str) -> None:
        super().__init__(
            f"The push lacks the object {oid}, and so does the repository. Of a shallow clone run "
            "`git fetch --unshallow`, then push again."
        )


class OutsideLfs(BadPush):
    """A large file, or weights, that did not go through git-lfs."""

    code = "outside_lfs"

    def __init__(self, path: str, *, is_weights: bool) -> None:
        what = "Weights" if is_weights else f"Files above {INLINE_MAX} bytes"
        super().__init__(
            f"{what} go through git-lfs, in every commit that is pushed. Run "
            f'`git lfs migrate import --include="{_shown(path)}"`, then push again.',
            place=path,
        )


class NotForward(BadPush):
    status = 409
    code = "not_forward"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"The default branch {branch} only moves forward, since others rely on its history. "
            "Pull and merge first, or push to another branch."
        )


class TooMuchWork(BadPush):
    status = 413
    code = "push_too_large"

    def __init__(self) -> None:
        super().__init__(
            "The push has more commits with more files than can be checked at once. Push the "
            "history in parts, some hundred commits at a time."
        )


def _shown(path: str) -> str:
    plain = path if path.isprintable() else path.encode("ascii", "backslashreplace").decode()
    return plain.replace('"', '\\"')
