"""The application as a whole: what every answer carries, and what it tells of itself."""

import json
import re
import shutil

import pytest
from fastapi import Request

from lorahub_server.app import create_app
from lorahub_server.config import Settings
from lorahub_server.doors.middleware.frame import POLICY
from lorahub_server.kit.db import Base, Database
from lorahub_server.library import downloads
from support.asgi import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    data = tmp_path_factory.mktemp("app")
    settings = Settings(data=data, secret="x" * 32)
    app = create_app(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        Base.metadata.create_all(session.connection())
    database.engine.dispose()
    opened = Site(app).open()
    yield opened
    opened.close()
    shutil.rmtree(data)


@pytest.fixture
def anonymous(site):
    return site.as_token(None)


@pytest.mark.parametrize(
    "path",
    ["health", "none", "/", "/none/at/all/x", "/api/hub/docs", "/api/hub/openapi.json", "//"],
)
def test_every_answer_is_framed(anonymous, path):
    answer = anonymous.get(path)
    headers = answer.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f]{16}", headers["X-Request-Id"])


def test_each_request_has_its_number(anonymous):
    numbers = {anonymous.get("health").headers["X-Request-Id"] for _ in range(5)}
    assert len(numbers) == 5


def test_answers_of_the_api_are_not_kept(anonymous):
    assert anonymous.get("health").headers["Cache-Control"] == "no-store"


def test_health_looks_at_the_database(tmp_path):
    settings = Settings(data=tmp_path, secret="x" * 32)
    app = create_app(settings)
    site = Site(app).open()
    try:
        assert site.as_token(None).get("health").json()["status"] == "ok"
        site.hub.db.engine.dispose()
        (tmp_path / "hub.db").unlink()
        (tmp_path / "hub.db").mkdir()
        answer = site.as_token(None).get("health")
        assert (answer.status, answer.code) == (503, "busy")
        assert str(tmp_path) not in answer.text
    finally:
        site.close()


@pytest.mark.parametrize("path", ["health", "repos", "/", "/api/hub/docs", "/static/none"])
def test_head_is_get_without_a_body(anonymous, path):
    got, head = anonymous.get(path), anonymous.head(path)
    assert head.status == got.status
    assert head.body == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_downloads_are_written_at_the_end(tmp_path):
    settings = Settings(data=tmp_path, secret="x" * 32)
    app = create_app(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        Base.metadata.create_all(session.connection())
    site = Site(app).open()
    alice = site.add_account("alice")
    alice.post("repos", json={"name": "x"}).expect(201)
    downloads.count(1, 3)
    site.close()
    with database.read() as session:
        found = session.connection().exec_driver_sql("SELECT downloads FROM library_entries")
        assert found.scalar() == 3
    database.engine.dispose()


def test_proxies_are_believed_only_when_they_are_named(tmp_path):
    seen = []
    for trusted in ("", "10.0.0.0/8", "127.0.0.1"):
        settings = Settings(data=tmp_path / (trusted or "none").replace("/", "_"),
                            secret="x" * 32, trusted_proxies=trusted)  # fmt: skip
        (settings.data).mkdir()
        site = Site(create_app(settings)).open()

        @site.app.get("/api/test/who")
        async def who(request: Request) -> dict[str, str]:
            return {"client": request.client.host, "scheme": request.url.scheme}

        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        seen.append(site.as_token(None).get("/api/test/who", headers=headers).json())
        site.close()
    own = {"client": "127.0.0.1", "scheme": "http"}
    assert seen == [own, own, {"client": "203.0.113.9", "scheme": "https"}]


def test_behind_a_proxy_answers_are_kept_by_what_it_says(tmp_path):
    app = create_app(Settings(data=tmp_path, secret="x" * 32, trusted_proxies="127.0.0.1"))
    with app.state.hub.db.write() as session:
        Base.metadata.create_all(session.connection())
    site = Site(app).open()
    visitor = site.as_token(None)
    for _ in range(2):
        for scheme, other in (("http", "https"), ("https", "http")):
            found = visitor.get("/feed.atom", headers={"X-Forwarded-Proto": scheme}).expect(200)
            assert f"{scheme}://hub.test" in found.text
            assert f"{other}://hub.test" not in found.text
    site.close()


@pytest.fixture(scope="module")
def document(site):
    return site.as_token(None).get("/api/hub/openapi.json").expect(200).json()


class TestReference:
    def test_it_says_how_to_prove_who_one_is(self, document):
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        assert {"bearer": []} in document["security"]

    def test_every_operation_is_explained_with_examples(self, document):
        from lorahub_server.doors.api.reference.samples import sample

        bare = []
        for path, item in document["paths"].items():
            for method, operation in item.items():
                name = f"{method} {path}"
                if not operation.get("summary") or not operation.get("description"):
                    bare.append(f"{name}: no words")
                if "default" not in operation["responses"]:
                    bare.append(f"{name}: no errors")
                contents = [r.get("content", {}) for r in operation["responses"].values()]
                contents.append(operation.get("requestBody", {}).get("content", {}))
                for content in contents:
                    schema = content.get("application/json", {}).get("schema")
                    if schema is not None and sample(schema, document) in (None, {}, []):
                        bare.append(f"{name}: no example")
        assert bare == []

    def test_no_page_is_in_it(self, document):
        files = (
            "/{owner}/{name}/resolve/",
            "/{owner}/{name}/variant/",
            "/{owner}/{name}/variants/",
            "/{owner}/{name}/previews/",
            "/{owner}/{name}/cover/",
        )
        assert all(path.startswith(("/api/", *files)) for path in document["paths"])

    def test_examples_fit_their_schemas(self, site, document):
        """The models themselves take the examples that they show."""
        from lorahub_server.doors.api import commits, insight, manifest, repos, trees, uploads

        for module in (commits, insight, manifest, repos, trees, uploads):
            for model in vars(module).values():
                extra = getattr(model, "model_config", {}).get("json_schema_extra") or {}
                if isinstance(model, type) and "example" in extra:
                    model.model_validate(extra["example"])

    def test_curl_users_find_their_line(self, document):
        put = document["paths"]["/api/hub/v1/repos/{owner}/{name}/raw/{branch}/{path}"]["put"]
        assert "curl -T" in put["description"]
        assert "application/octet-stream" in put["requestBody"]["content"]

    def test_the_page_shows_every_operation_and_needs_nothing_from_outside(
        self, anonymous, document
    ):
        page = anonymous.get("/api/hub/docs").expect(200).text
        for path in document["paths"]:
            assert path in page
        for address in re.findall(r'(?:src|href)="([^"]*)"', page):
            assert address.startswith(("/", "#")), address
        code = "".join(re.findall(r"<pre>.*?</pre>", page, re.DOTALL))
        assert page.count("curl -") == code.count("curl -") > 3
        assert "<script" not in page
        assert "<style" not in page
        assert " style=" not in page
        style = anonymous.get("/api/hub/docs.css").expect(200)
        assert style.headers["Content-Type"].startswith("text/css")

    def test_links_in_the_page_lead_somewhere(self, anonymous):
        page = anonymous.get("/api/hub/docs").text
        anchors = set(re.findall(r'id="([^"]+)"', page))
        wanted = set(re.findall(r'href="#([^"]+)"', page))
        assert wanted <= anchors

    def test_the_document_is_json_for_machines(self, document):
        assert json.loads(json.dumps(document)) == document
