"""Which hub, as whom: arguments, environment, stored login, netrc."""

import json
import stat

import pytest

from lorahub.errors import LorahubError, UsageError
from lorahub.hub import Hub, hub_for
from lorahub.settings import (
    Login,
    Logins,
    cache_dir,
    config_dir,
    find_endpoint,
    find_token,
    normal_endpoint,
)

HUB = "http://hub.example"
pytestmark = pytest.mark.usefixtures("own_place")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        (" HTTPS://Hub.Example:443/ ", "https://hub.example"),
        ("http://hub.example:80", "http://hub.example"),
        ("http://hub.example:443", "http://hub.example:443"),
        ("https://hub.example/lora/", "https://hub.example/lora"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_one_form_for_each_endpoint(text, normal):
    assert normal_endpoint(text) == normal
    assert normal_endpoint(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "hub.example",
        "ftp://hub.example",
        "http://",
        "http://hub:port",
        "http://me:pw@hub",
        "https://h?x",
    ],
)
def test_what_is_no_endpoint(text):
    with pytest.raises(UsageError):
        normal_endpoint(text)


def test_the_order_in_which_an_endpoint_counts(monkeypatch):
    assert find_endpoint() == "http://127.0.0.1:8000"
    Logins().put("http://stored", Login("t", "alice"))
    assert find_endpoint() == "http://stored"
    monkeypatch.setenv("LORAHUB_ENDPOINT", "http://environment/")
    assert find_endpoint() == "http://environment"
    assert find_endpoint("http://given") == "http://given"


def test_the_order_in_which_a_token_counts(monkeypatch, tmp_path):
    assert find_token(HUB) is None
    netrc = tmp_path / "netrc"
    netrc.write_text("machine hub.example login me password from-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert find_token(HUB) == "from-netrc"
    Logins().put(HUB, Login("stored", "alice"))
    assert find_token(HUB) == "stored"
    monkeypatch.setenv("LORAHUB_TOKEN", "environment\n")
    assert find_token(HUB) == "environment"
    assert find_token(HUB, "given") == "given"
    monkeypatch.setenv("LORAHUB_TOKEN", "")
    assert find_token(HUB) == "stored"


def test_netrc_in_the_home_folder_counts_for_its_host_alone(own_place):
    home = own_place.parent / "own-home"
    (home / ".netrc").write_text(
        "machine hub.example login me password right\ndefault login you password wrong\n"
    )
    (home / ".netrc").chmod(0o600)
    assert find_token("https://hub.example:8443") == "right"
    assert find_token("https://other.example") is None


def test_a_netrc_that_can_not_be_read_is_passed_over(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_bytes(b"machine \xff\xfe nonsense {")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert find_token(HUB) is None


def test_tokens_are_kept_for_each_hub():
    logins = Logins()
    logins.put(HUB, Login("one", "alice"))
    logins.put("http://other", Login("two", "bob"))
    assert find_token(HUB) == "one"
    assert find_token("http://other") == "two"
    assert find_token("http://hub.example:81") is None
    assert Logins().remove(HUB)
    assert not Logins().remove(HUB)
    assert find_token(HUB) is None


def test_the_login_file_is_readable_by_its_owner_alone():
    logins = Logins()
    logins.put(HUB, Login("secret", "alice"))
    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.path.parent.stat().st_mode) == 0o700
    # Also when it was more open before.
    logins.path.chmod(0o644)
    logins.put(HUB, Login("secret", "alice"))
    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    assert [path.name for path in logins.path.parent.iterdir()] == ["logins.json"]


@pytest.mark.parametrize("text", ["{", "\x00", '{"hubs": '])
def test_a_damaged_login_file_is_named(text):
    logins = Logins()
    logins.path.parent.mkdir(parents=True)
    logins.path.write_text(text)
    with pytest.raises(LorahubError, match="lorahub login"):
        find_endpoint()


@pytest.mark.parametrize(
    "data", [[], {"hubs": []}, {"hubs": {HUB: 3}}, {"default": 7}, {"hubs": {HUB: {}}}]
)
def test_a_login_file_with_strange_content_holds_nothing(data):
    logins = Logins()
    logins.path.parent.mkdir(parents=True)
    logins.path.write_text(json.dumps(data))
    assert find_token(HUB) is None
    assert find_endpoint() == "http://127.0.0.1:8000"
    Logins().put(HUB, Login("t", "alice"))
    assert find_token(HUB) == "t"


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "lh_ä"])
def test_tokens_with_strange_characters_go_into_no_header(token):
    with pytest.raises(UsageError):
        find_token(HUB, token)


def test_a_pasted_address_does_not_get_the_environments_token(monkeypatch):
    monkeypatch.setenv("LORAHUB_ENDPOINT", HUB)
    monkeypatch.setenv("LORAHUB_TOKEN", "secret")
    assert hub_for(None, None, None).token == "secret"
    assert hub_for("http://hub.example/", None, None).token == "secret"
    assert hub_for("http://evil.example", None, None).token is None
    Logins().put("http://friend.example", Login("for-friend", "alice"))
    assert hub_for("http://friend.example", None, None).token == "for-friend"
    with pytest.raises(UsageError, match="Two hubs"):
        hub_for("http://evil.example", HUB, None)


def test_an_empty_token_calls_as_nobody(monkeypatch):
    monkeypatch.setenv("LORAHUB_TOKEN", "secret")
    assert Hub(HUB).token == "secret"
    assert Hub(HUB, "").token is None


def test_folders_follow_the_conventions(monkeypatch, tmp_path, own_place):
    home = own_place.parent / "own-home"
    assert cache_dir() == home / ".cache" / "lorahub"
    assert config_dir() == home / ".config" / "lorahub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/does/not/count")
    assert cache_dir() == tmp_path / "c" / "lorahub"
    assert config_dir() == home / ".config" / "lorahub"
    monkeypatch.setenv("LORAHUB_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
