"""What is sent when something happens, in the form that Hugging Face's own models read."""

import pytest
from huggingface_hub import WebhookPayload

from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.squash import squash


def events_of(receiver):
    return [f"{p['event']['scope']} {p['event']['action']}" for p in receiver.payloads]


def test_a_repository_from_its_making_to_its_end(hooked, receiver):
    hook = hooked.add_hook(receiver.url, "alice", secret="shared-secret")
    hooked.make_repo()
    hooked.commit({"README.md": b"hello"})
    first = hooked.commit({"a.txt": b"1"})
    with hooked.tx() as tx:
        repo = repos.get_repo_for_write(tx, "alice", "style")
        refs.create_tag(tx, repo, "v1", "main", "the first")
        refs.create_branch(tx, repo, "dev", "main")
        refs.delete_branch(tx, repo, "dev")
        squashed = squash(tx, repo, "main", "anew")
        repos.set_private(tx, repo, private=True)
        repos.set_private(tx, repo, private=True)
        repos.rename_repo(tx, repo, "better")
        repos.delete_repo(tx, repo)
    hooked.work()
    for payload in receiver.payloads:
        WebhookPayload.model_validate(payload)
        assert payload["webhook"] == {"id": f"{hook:024x}", "version": 3}
    assert events_of(receiver) == [
        "repo create",
        "repo.content update",
        "repo.content update",
        "repo.content update",
        "repo.content update",
        "repo.content update",
        "repo.content update",
        "repo.config update",
        "repo move",
        "repo delete",
    ]
    made, card, change, tag, branch, gone, again, config, moved, deleted = receiver.payloads
    assert "headSha" not in made["repo"]
    assert made["repo"]["url"] == {
        "web": "http://hub.test/alice/style",
        "api": "http://hub.test/api/models/alice/style",
    }
    (ref,) = card["updatedRefs"]
    assert (ref["ref"], ref["oldSha"]) == ("refs/heads/main", None)
    assert change["updatedRefs"] == [
        {"ref": "refs/heads/main", "oldSha": ref["newSha"], "newSha": first.revision}
    ]
    assert change["repo"]["headSha"] == first.revision
    assert tag["updatedRefs"] == [{"ref": "refs/tags/v1", "oldSha": None, "newSha": first.revision}]
    assert branch["updatedRefs"][0]["newSha"] == first.revision
    assert gone["updatedRefs"] == [
        {"ref": "refs/heads/dev", "oldSha": first.revision, "newSha": None}
    ]
    assert again["updatedRefs"][0]["newSha"] == squashed
    assert config["updatedConfig"] == {"private": True}
    assert moved["repo"]["name"] == "alice/style"
    assert moved["movedTo"]["name"] == "alice/better"
    assert moved["movedTo"]["owner"] == moved["repo"]["owner"]
    assert deleted["repo"]["name"] == "alice/better"
    assert {one.headers["x-webhook-secret"] for one in receiver.received} == {"shared-secret"}
    assert len({one.headers["x-webhook-delivery"] for one in receiver.received}) == 10


def test_what_is_rolled_back_is_not_told(one, receiver):
    one.add_hook(receiver.url, "alice")

    def fail_after_making() -> None:
        with one.tx() as tx:
            repos.create_repo(tx, "alice", "style")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_making()
    one.work()
    assert receiver.received == []


def test_only_what_is_watched_is_told(one, receiver):
    one.make_repo("style")
    one.make_repo("other")
    one.make_repo("third", who="bob")
    one.add_hook(receiver.url, "alice/style", who="bob")
    for name in ("style", "other"):
        one.commit({"a.txt": b"1"}, name=name)
    one.commit({"a.txt": b"1"}, name="third", who="bob")
    one.work()
    assert [payload["repo"]["name"] for payload in receiver.payloads] == ["alice/style"]


def test_only_chosen_domains_are_told(one, receiver):
    one.add_hook(receiver.url, "alice", domains=["discussions"])
    one.make_repo()
    one.work()
    assert receiver.received == []
    assert one.jobs("webhook_share_out") == []


def test_a_commit_that_changes_nothing_is_not_told(one, receiver):
    one.make_repo()
    one.commit({"a.txt": b"1"})
    one.add_hook(receiver.url, "alice")
    one.commit({"a.txt": b"1"})
    one.work()
    assert receiver.received == []


def test_without_hooks_nothing_is_written(one):
    one.make_repo()
    one.commit({"a.txt": b"1"})
    assert one.jobs("webhook_share_out") == []


def test_a_private_repository_is_told_to_its_readers_only(one, receiver):
    one.caller("alice")
    one.add_hook(receiver.url, "alice", who="bob")
    one.make_repo(private=True)
    one.commit({"a.txt": b"1"})
    one.work()
    assert receiver.received == []


def test_who_lost_the_right_meanwhile_is_not_told(one, receiver):
    one.make_repo()
    hook = one.add_hook(receiver.url, "alice/style", who="bob")
    one.commit({"a.txt": b"1"})
    with one.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True)
    one.work()
    assert receiver.received == []
    assert {row.state for row in one.deliveries(hook)} == {"dropped"}


def test_many_hooks_are_served_in_several_jobs(one, receiver, monkeypatch):
    monkeypatch.setattr("lorahub_server.community.webhooks.outbox.FAN_OUT", 2)
    for name in ("alice", "bob", "carol", "dave", "erin"):
        one.caller(name)
    for name in ("alice", "bob", "carol", "dave", "erin"):
        one.add_hook(receiver.url, "alice", who=name)
    one.make_repo()
    one.work()
    ids = [payload["webhook"]["id"] for payload in receiver.payloads]
    assert len(ids) == len(set(ids)) == 5


def test_discussions_and_what_is_said_in_them(one, receiver):
    from lorahub_server.community.discussions import service as threads

    one.make_repo()
    one.add_hook(receiver.url, "alice/style", who="bob", domains=["discussion"])
    with one.tx("bob") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        thread = threads.create(tx, repo, "A title", "/etc/passwd is no address")
        threads.comment(tx, repo, thread.num, "More")
        threads.rename(tx, repo, thread.num, "Another")
        threads.set_status(tx, repo, thread.num, "closed")
    one.work()
    found = [WebhookPayload.model_validate(payload) for payload in receiver.payloads]
    assert events_of(receiver) == [
        "discussion create",
        "discussion.comment create",
        "discussion update",
        "discussion update",
    ]
    first, second, third, last = found
    assert first.discussion.title == "A title"
    assert first.discussion.url.web == "http://hub.test/alice/style/discussions/1"
    assert first.comment.content == "/etc/passwd is no address"
    assert first.discussion.author.id == second.comment.author.id
    assert second.comment.content == "More"
    assert third.discussion.title == "Another"
    assert last.discussion.status == "closed"


def test_an_organisation_is_watched_as_one(one, receiver):
    from lorahub_server.community import orgs
    from lorahub_server.community.webhooks import service
    from lorahub_server.community.webhooks.errors import InvalidWebhook
    from lorahub_server.community.webhooks.service import Watched

    with one.tx() as tx:
        orgs.create(tx, "studio")
    with one.tx("bob") as tx:
        (watch,) = service.create_hook(tx, receiver.url, [Watched("org", "studio")]).watched
        assert (watch.kind, watch.name) == ("org", "studio")
        with pytest.raises(InvalidWebhook):
            service.create_hook(tx, receiver.url, [Watched("team", "studio")])
