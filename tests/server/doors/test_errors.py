"""Whatever goes wrong is answered in the door's own form, and tells nothing of the inside."""

import json

import pytest
from sqlalchemy.exc import OperationalError

from lorahub_server.doors import idle
from lorahub_server.doors.errors import Busy
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.storage import ObjectMissing, StorageError, StorageFull
from support.asgi import STOP

SECRET = "postgresql://hub:sesame@10.0.0.7"


class Teapot(HubError):
    status = 418
    code = "teapot"


CASES = [
    (Teapot("Short and stout.", place="spout", size=3), 418, "teapot"),
    (RateLimited("Slow down.", retry_after=17), 429, "rate_limited"),
    (Busy("Later.", retry_after=2), 503, "busy"),
    (StorageFull(SECRET), 507, "storage_full"),
    (StorageError(SECRET), 503, "storage_unavailable"),
    (ObjectMissing(SECRET), 503, "storage_unavailable"),
    (TimeoutError(SECRET), 503, "busy"),
    (OperationalError("SELECT 1", None, Exception("database is locked")), 503, "busy"),
    (OperationalError("x", None, Exception("database or disk is full")), 507, "storage_full"),
    (OperationalError("SELECT x", None, Exception("no such column: x")), 500, "internal_error"),
    (RuntimeError(SECRET), 500, "internal_error"),
    (RecursionError(SECRET), 500, "internal_error"),
    (KeyError("\ud800"), 500, "internal_error"),
]


def raising(error):
    def endpoint() -> None:
        raise error

    return endpoint


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda case: type(case).__name__)
def test_errors_as_json(site, anonymous, error, status, code):
    site.app.add_api_route("/api/test/boom", raising(error))
    answer = anonymous.get("/api/test/boom")
    assert answer.status == status
    told = answer.json()["error"]
    assert told["code"] == code
    assert told["request_id"] == answer.headers["X-Request-Id"]
    assert told["message"].endswith(".")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda case: type(case).__name__)
def test_errors_as_pages(site, anonymous, error, status, code):
    site.app.router.routes.insert(0, _route("/boom", raising(error)))
    answer = anonymous.get("/boom", headers={"Accept": "text/html"})
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert SECRET not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text or status < 500


def _route(path, endpoint):
    from fastapi.routing import APIRoute

    return APIRoute(path, endpoint)


def test_details_are_told(site, anonymous):
    site.app.add_api_route("/api/test/boom", raising(CASES[0][0]))
    told = anonymous.get("/api/test/boom").json()["error"]
    assert (told["place"], told["size"]) == ("spout", 3)


def test_unforeseen_errors_are_written_down(site, anonymous, caplog):
    site.app.add_api_route("/api/test/boom", raising(RuntimeError("the pump broke")))
    number = anonymous.get("/api/test/boom").json()["error"]["request_id"]
    assert "the pump broke" in caplog.text
    assert "Traceback" in caplog.text
    assert "request_failed" in caplog.text
    assert number in caplog.text


def test_an_error_page_that_breaks_is_still_an_answer(site, anonymous, monkeypatch):
    from lorahub_server.doors.web import errors

    monkeypatch.setattr(errors, "render_error", raising(ZeroDivisionError()))
    answer = anonymous.get("/nobody-is-here/at-all/ever")
    assert (answer.status, answer.headers["Content-Type"]) == (500, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ({}, "name", "missing"),
        ({"name": 5}, "name", "string"),
        ({"name": "x", "privat": True}, "privat", "extra"),
        ({"name": "x", "private": "maybe"}, "private", "boolean"),
        ({"name": "a\x00b"}, "name", "NUL"),
    ],
)
def test_a_wrong_field_is_named(alice, body, place, words):
    answer = alice.post("repos", json=body)
    told = answer.json()["error"]
    assert (answer.status, told["code"], told["place"]) == (422, "invalid_request", place)
    assert words in told["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"name=x", "application/x-www-form-urlencoded"),
        (b'{"name": "x"}', None),
        (b"[1]", "application/json"),
        (b'"x"', "application/json"),
        (b'{"name": "\\ud800"}', "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"name": ' + b"9" * 10_000 + b"}", "application/json"),
        (b'{"name": "x", "private": 1e999}', "application/json"),
        (b"", "application/json"),
    ],
)
def test_bodies_that_are_none(alice, body, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = alice.post("repos", body=body, headers=headers)
    assert answer.status in (400, 422), answer.body
    assert answer.code in ("invalid_request", "bad_request", "invalid_name")


def test_a_body_that_stops_coming(alice, monkeypatch):
    monkeypatch.setattr(idle, "IDLE_S", 0.2)
    headers = {"Content-Type": "application/json", "Content-Length": "100"}
    answer = alice.post("repos", body=[b'{"name": ', STOP], headers=headers)
    assert (answer.status, answer.code) == (408, "stalled")


def test_unknown_addresses(anonymous):
    answer = anonymous.get("no-such-thing")
    assert (answer.status, answer.code) == (404, "not_found")
    answer = anonymous.get("/api/hub")
    assert (answer.status, json.loads(answer.body)["error"]["place"]) == (404, None)
    page = anonymous.get("/a/b/c/d/e")
    assert page.status == 404
    assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "health", {"GET", "HEAD"}),
        ("PUT", "repos", {"GET", "HEAD", "POST"}),
        ("POST", "repos/alice/x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("PATCH", "repos/alice/x/raw/main/a.txt", {"GET", "HEAD", "PUT", "DELETE"}),
        ("BREW", "whoami", {"GET", "HEAD"}),
        ("POST", "/alice/x/resolve/main/a", {"GET", "HEAD"}),
        ("OPTIONS", "repos", {"GET", "HEAD", "POST"}),
    ],
)
def test_wrong_methods_hear_the_right_ones(anonymous, method, path, allowed):
    answer = anonymous.call(method, path)
    assert answer.status == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


def test_files_speak_to_programs_in_json_and_to_browsers_in_html(anonymous):
    path = "/alice/none/resolve/main/a.safetensors"
    assert anonymous.get(path, headers={"Accept": "*/*"}).code == "repo_not_found"
    page = anonymous.get(path, headers={"Accept": "text/html,*/*"})
    assert page.headers["Content-Type"].startswith("text/html")
