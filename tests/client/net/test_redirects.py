"""Redirects are followed, and the token never leaves the hub."""

import pytest

from lorahub.errors import NetworkFailed
from lorahub.net.connect import origin_of
from lorahub.net.session import Session

pytestmark = pytest.mark.usefixtures("own_place")
SECRET = "lh_secret"


def tokens(hub):
    return {headers.get("Authorization") for _, _, headers in hub.asked}


def test_the_token_is_sent_to_the_hub(fake):
    hub = fake()
    Session(hub.endpoint, SECRET).json("GET", "api/hub/v1/whoami")
    assert tokens(hub) == {f"Bearer {SECRET}"}


def test_another_port_is_another_server(fake):
    hub, other = fake(), fake()
    hub.redirect_all = other.endpoint
    answered = Session(hub.endpoint, SECRET).json("GET", "api/hub/v1/whoami")
    assert answered["name"] == "alice"
    assert tokens(hub) == {f"Bearer {SECRET}"}
    assert tokens(other) == {None}


def test_another_name_of_the_same_machine_is_another_server(fake):
    hub, other = fake(), fake()
    hub.redirect_all = other.endpoint.replace("127.0.0.1", "localhost")
    Session(hub.endpoint, SECRET).json("GET", "api/hub/v1/whoami")
    assert tokens(other) == {None}


def test_a_way_back_to_the_hub_brings_the_token_again(fake):
    hub, other = fake(), fake()
    hub.redirect_all = other.endpoint
    other.redirect_all = hub.endpoint
    with pytest.raises(NetworkFailed, match="circles"):
        Session(hub.endpoint, SECRET).json("GET", "x")
    assert tokens(hub) == {f"Bearer {SECRET}"}
    assert tokens(other) == {None}


@pytest.mark.parametrize(
    ("endpoint", "url", "ours"),
    [
        ("http://hub", "http://hub/x", True),
        ("http://hub", "https://hub/x", True),
        ("https://hub", "http://hub/x", False),
        ("http://hub:8000", "https://hub/x", False),
        ("http://hub:8000", "http://hub:8001/x", False),
        ("https://hub", "https://hub:443/x", True),
        ("https://hub", "https://hub.evil/x", False),
        ("https://hub", "https://hub@evil/x", False),
        ("https://hub", "https://evil/hub", False),
        ("https://hub", "https://HUB/x", True),
    ],
)
def test_who_gets_the_token(endpoint, url, ours):
    assert Session(endpoint, SECRET)._is_ours(origin_of(url)) is ours


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "javascript:1"])
def test_strange_targets_are_not_followed(fake, target):
    hub = fake()
    hub.refusals = [(302, {"Location": target})]
    with pytest.raises(NetworkFailed):
        Session(hub.endpoint).json("GET", "x")


def test_relative_targets_and_odd_letters(fake):
    hub = fake({"ä b.txt": b"x"})
    hub.refusals = [(302, {"Location": "/api/hub/v1/whoami?a=%20b c"})]
    assert Session(hub.endpoint).json("GET", "x")["name"] == "alice"


@pytest.mark.parametrize("status", [301, 302])
def test_a_change_is_not_sent_on_blindly(fake, status):
    hub, other = fake(), fake()
    hub._server.RequestHandlerClass.do_POST = hub._server.RequestHandlerClass.do_GET
    hub.refusals = [(status, {"Location": f"{other.endpoint}/x"})]
    with pytest.raises(NetworkFailed, match="--endpoint"):
        Session(hub.endpoint, SECRET).json("POST", "x", {"a": 1})
    assert other.asked == []
