"""Which proxy is used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.errors import UsageError
from lorahub.net.proxies import find_proxy, is_excluded, parse_proxy


@pytest.mark.parametrize(
    ("scheme", "environ", "shown"),
    [
        ("http", {"http_proxy": "http://p:1"}, "http://p:1"),
        ("http", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http", {"http_proxy": "http://low:1", "HTTP_PROXY": "http://high:2"}, "http://low:1"),
        ("http", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("http", {"http_proxy": "p:3128"}, "http://p:3128"),
        ("http", {"http_proxy": "http://p"}, "http://p:80"),
        ("http", {"http_proxy": ""}, None),
        ("http", {"http_proxy": "http://p:1", "no_proxy": "hub.example"}, None),
        ("http", {"http_proxy": "http://p:1", "NO_PROXY": "*"}, None),
        # In a CGI program this variable is a header of the request.
        ("http", {"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None),
    ],
)
def test_variables(scheme, environ, shown):
    proxy = find_proxy(scheme, "hub.example", 443, environ)
    assert (proxy and proxy.shown) == shown


@pytest.mark.parametrize(
    ("no_proxy", "excluded"),
    [
        ("hub.example", True),
        ("example", True),
        (".example", True),
        ("*.example", True),
        ("HUB.Example.", True),
        ("b.example", False),
        ("xhub.example", False),
        ("other, hub.example", True),
        ("other hub.example", True),
        ("hub.example:8000", True),
        ("hub.example:9000", False),
        ("*", True),
        ("", False),
        (",", False),
    ],
)
def test_no_proxy_names(no_proxy, excluded):
    assert is_excluded("hub.example", 8000, no_proxy) is excluded


@pytest.mark.parametrize(
    ("host", "no_proxy", "excluded"),
    [
        ("127.0.0.1", "127.0.0.0/8", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "192.168.0.0/16", False),
        ("hub.example", "10.0.0.0/8", False),
        ("::1", "::1", True),
        ("::1", "[::1]:8000", True),
        ("::1", "[::1]:9000", False),
        ("127.0.0.1", "nonsense/99", False),
    ],
)
def test_no_proxy_addresses(host, no_proxy, excluded):
    assert is_excluded(host, 8000, no_proxy) is excluded


def test_name_and_password_go_to_the_proxy_and_into_no_message():
    proxy = parse_proxy("http://me:s%20cret@p:1", "https")
    assert proxy.headers == {"Proxy-Authorization": "Basic bWU6cyBjcmV0"}
    assert "cret" not in proxy.shown


@pytest.mark.parametrize("text", ["socks5://p:1", "http://", "http://p:port", "https://p:1"])
def test_what_is_not_supported_is_said(text):
    with pytest.raises(UsageError):
        parse_proxy(text, "https")


@given(st.text(max_size=40), st.text(alphabet="abc.*:/0123456789[], ", max_size=40))
def test_any_text_is_understood_or_ignored(host, no_proxy):
    assert is_excluded(host, 80, no_proxy) in (True, False)
