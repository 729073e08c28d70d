from lorahub_server.kit.errors import HubError


class RepoExists(HubError):
    status = 409
    code = "repo_exists"


class NameUsed(HubError):
    """The name belonged to a repository that was deleted or renamed, and stays with it."""

    status = 409
    code = "name_used"


class TooManyRepos(HubError):
    status = 409
    code = "too_many_repos"


class RepoMoved(HubError):
    """The repository has another name now; told only to those who may read it."""

    status = 307
    code = "repo_moved"

    def __init__(self, owner: str, name: str) -> None:
        super().__init__(
            f"The repository is called {owner}/{name} now. Use that name.", owner=owner, name=name
        )
        self.owner = owner
        self.name = name


class RevisionNotFound(HubError):
    status = 404
    code = "revision_not_found"


class EntryNotFound(HubError):
    status = 404
    code = "entry_not_found"


class RefExists(HubError):
    status = 409
    code = "ref_exists"


class RefNotFound(HubError):
    status = 404
    code = "ref_not_found"


class TooManyRefs(HubError):
    status = 409
    code = "too_many_refs"


class DefaultBranch(HubError):
    status = 409
    code = "default_branch"

    def __init__(self) -> None:
        super().__init__("The default branch can't be deleted. Delete the repository instead.")


class StaleParent(HubError):
    """The branch moved since the commit was prepared; `head` in the details is where it is."""

    status = 409
    code = "conflict"

    def __init__(self, branch: str, head: str | None) -> None:
        super().__init__(
            f"The branch {branch} has moved on. Look at what changed, then commit again.", head=head
        )


class BadCommit(HubError):
    """The commit can't be made; `place` is the path at fault where there is one."""

    status = 422
    code = "bad_commit"


class PathConflict(HubError):
    """Two paths can't be in one tree: a file and a folder, or names that differ in case only."""

    status = 422
    code = "path_conflict"


class ForkIsPrivate(HubError):
    """What not everybody may have is not made public by copying it."""

    status = 422
    code = "fork_is_private"

    def __init__(self, name: str | None = None) -> None:
        message = (
            "This is a copy of a private or gated repository, so it stays private, unless you may "
            "change the original."
        )
        if name is not None:
            message = (
                f"Not everybody may have the files of {name}, so a fork of it is private. Ask for "
                "a private one."
            )
        super().__init__(message, place="private")


class ForkTooLarge(HubError):
    status = 409
    code = "fork_too_large"
