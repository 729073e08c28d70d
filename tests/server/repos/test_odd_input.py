"""Texts that no database can hold are looked for in vain; they are no error of ours."""

import pytest

from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import UploadNotFound
from lorahub_server.repos import history, refs, trees
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import EntryNotFound, RevisionNotFound, StaleParent

ODD = ["\0", "a\0b", "\ud800", "\udcff", "x" * 10_000, "'; --", "%00"]


@pytest.fixture
def hub(inside):
    inside.make_repo()
    inside.commit({"a": b"1"})
    return inside


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_name_nothing(hub, text):
    with hub.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        oid = refs.resolve(tx, repo, "main")
        assert refs.head(tx, repo, text) is None
        for look in (
            lambda: refs.resolve(tx, repo, text),
            lambda: history.get_commit(tx, repo, text),
            lambda: history.list_commits(tx, repo, text),
            lambda: history.list_commits(tx, repo, oid, after=text),
            lambda: trees.list_entries(tx, repo, text),
        ):
            with pytest.raises(RevisionNotFound):
                look()
        with pytest.raises(EntryNotFound):
            trees.get_entry(tx, repo, oid, text)
        with pytest.raises(UploadNotFound):
            uploads.get_upload(tx, text)
    with hub.tx() as tx, pytest.raises(UploadNotFound):
        uploads.cancel_upload(tx, text)
    caller = hub.caller("alice")
    with pytest.raises(UploadNotFound):
        uploads.append(hub.db, hub.store, caller, text, 0, [b"x"])
    with pytest.raises(UploadNotFound):
        uploads.complete(hub.db, hub.store, caller, text)
    with pytest.raises(StaleParent):
        hub.commit({"a": b"2"}, parent=text)
    with pytest.raises(RevisionNotFound):
        hub.commit({"a": b"2"}, branch="new", parent=text)


def test_names_with_wide_spaces_are_found(hub):
    with hub.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        made = refs.create_branch(tx, repo, "a\u3000b", "main")
        assert refs.resolve(tx, repo, "a\u3000b") == made.revision
