"""Hubs that mean harm: what their manifests say decides nothing dangerous."""

import pytest

DATA = b"payload"


@pytest.fixture
def hub(fake):
    return fake({"ok.txt": DATA})


def manifest_with(hub, **changes):
    manifest = hub.true_manifest()
    manifest["files"][0] |= changes
    return manifest


@pytest.mark.parametrize(
    "path",
    ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "..", "a\\..\\..\\evil.txt", "",
     ".git/hooks/post-checkout", "nul.txt", "a\x00b", "x/\u202etxt.exe", "a" * 300, "~root/\n"],
)  # fmt: skip
def test_paths_that_lead_out(client, hub, path):
    hub.manifest = manifest_with(hub, path=path)
    done = client.use(hub.endpoint).ends(5, "pull", "alice/style")
    assert client.files() == {}
    assert list(client.here.parent.glob("evil*")) == []
    assert "\u202e" not in done.stderr
    assert hub.paths("/resolve/") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"size": -1},
        {"size": 2**60},
        {"size": "7"},
        {"size": True},
        {"size": None},
        {"size": 7.0},
        {"sha256": "../../evil"},
        {"sha256": "A" * 64},
        {"sha256": None},
        {"path": 7},
    ],
)
def test_values_that_are_no_values(client, hub, changes):
    hub.manifest = manifest_with(hub, **changes)
    client.use(hub.endpoint).ends(6, "pull", "alice/style")
    assert client.files() == {}


@pytest.mark.parametrize(
    "manifest",
    [
        [],
        "text",
        {},
        {"repo": "alice/style"},
        {"repo": "alice/style", "revision": "../x", "files": []},
        {"repo": "alice/style", "revision": "0" * 40, "files": {}},
        {"repo": "alice/style", "revision": "0" * 40, "files": [7]},
        {"repo": "alice/style", "revision": "0" * 40, "files": [], "trigger_words": 7},
    ],
)
def test_manifests_that_are_none(client, hub, manifest):
    hub.manifest = manifest
    client.use(hub.endpoint).ends(6, "pull", "alice/style")
    assert client.files() == {}


def test_a_repository_name_that_leads_elsewhere(client, hub):
    hub.manifest = hub.true_manifest() | {"repo": "../../evil"}
    client.use(hub.endpoint).ends(6, "pull", "alice/style")
    assert client.files() == {}


def test_two_files_in_one_place(client, hub):
    hub.manifest = hub.true_manifest()
    hub.manifest["files"] *= 2
    hub.manifest["files"][1] = hub.manifest["files"][1] | {"path": "OK.txt"}
    client.use(hub.endpoint).ends(5, "pull", "alice/style")
    assert client.files() == {}


def test_addresses_in_a_manifest_are_not_followed(client, hub, fake):
    other = fake({"ok.txt": b"evil"})
    hub.manifest = manifest_with(hub, url=f"{other.endpoint}/alice/style/x")
    client.use(hub.endpoint, "lh_secret").ends(0, "pull", "alice/style")
    assert other.asked == []
    assert client.files("style") == {"ok.txt": DATA}


def test_trigger_words_do_not_drive_the_terminal(client, hub):
    hub.trigger_words = ["\x1b]0;owned\x07", "\x1b[2J"]
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style")
    assert "\x1b" not in done.stderr


def test_error_messages_do_not_drive_the_terminal(client, hub):
    hub.manifest = hub.true_manifest() | {"repo": "alice/other\x1b[2J"}
    done = client.use(hub.endpoint).ends(6, "pull", "alice/style")
    assert "\x1b" not in done.stderr


def test_what_the_hub_says_does_not_drive_the_terminal(client, hub):
    hub.error = {
        "code": "no\x1b[2J",
        "message": "Never\x1b]0;owned\x07 again\nlorahub: all is well",
    }
    done = client.use(hub.endpoint).ends(3, "pull", "alice/other")
    assert "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_link_in_the_folder_is_not_written_through(client, fake):
    hub = fake({"sub/x.txt": DATA})
    outside = client.here.parent / "outside"
    outside.mkdir()
    (client.here / "style").mkdir()
    (client.here / "style" / "sub").symlink_to(outside)
    done = client.use(hub.endpoint).ends(1, "pull", "alice/style")
    assert "leads out of" in done.stderr
    assert list(outside.iterdir()) == []
