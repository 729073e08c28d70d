"""Files by their address, as the clients of another hub need it."""

from itertools import product

import pytest

from lorahub_server.repos import kept
from support import hf
from support.hf import git_id
from support.inside import adapter, sha256

CLIENT = {"User-Agent": "unknown/None; hf_hub/2.4.0; python/3.11"}


@pytest.fixture
def repo(alice) -> str:
    """Has a large file, small ones, and folders."""
    hf.create(alice, "glass").expect(200)
    oid = hf.send(alice, "alice/glass", adapter())
    hf.commit(
        alice,
        "alice/glass",
        hf.add("README.md", b"# Glass\n"),
        hf.add("empty.txt", b""),
        hf.add("a b/c#1%.txt", b"odd"),
        hf.add("d/e/f/g.txt", b"deep"),
        hf.large("w.safetensors", oid),
        hf.large("d/w.safetensors", oid),
    ).expect(200)
    return "alice/glass"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "data", "etag"),
    [
        ("README.md", b"# Glass\n", git_id(b"# Glass\n")),
        ("empty.txt", b"", git_id(b"")),
        ("a%20b/c%231%25.txt", b"odd", git_id(b"odd")),
        ("d%2Fe/f/g.txt", b"deep", git_id(b"deep")),
        ("w.safetensors", adapter(), sha256(adapter())),
    ],
)
def test_what_clients_read(anonymous, repo, method, path, data, etag):
    answer = anonymous.call(method, f"/{repo}/resolve/main/{path}", headers=CLIENT).expect(200)
    head = anonymous.get(hf.model(repo)).json()["sha"]
    assert answer.headers["ETag"] == f'"{etag}"'
    assert answer.headers["X-Repo-Commit"] == head
    assert answer.headers["X-Linked-Size"] == answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["X-Content-SHA256"] == sha256(data)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Location" not in answer.headers
    assert answer.body == (data if method == "GET" else b"")


def test_a_part_that_is_missing_is_sent(anonymous, repo):
    address = f"/{repo}/resolve/main/w.safetensors"
    answer = anonymous.get(address, headers={"Range": "bytes=100-"}).expect(206)
    assert answer.body == adapter()[100:]
    assert answer.headers["X-Repo-Commit"]
    again = anonymous.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_is_missing(anonymous, repo, method):
    head = anonymous.get(hf.model(repo)).json()["sha"]
    for path in ("nope.txt", "d", "README.md/x"):
        answer = anonymous.call(method, f"/{repo}/resolve/main/{path}").expect(404)
        assert answer.headers["X-Error-Code"] == "EntryNotFound"
        assert answer.headers["X-Repo-Commit"] == head
        assert path.split("/")[0] in answer.headers["X-Error-Message"]


def test_a_revision_that_is_missing(anonymous, repo):
    answer = anonymous.head(f"/{repo}/resolve/nope/README.md").expect(404)
    assert answer.headers["X-Error-Code"] == "RevisionNotFound"
    assert "nope" in answer.headers["X-Error-Message"]


def test_errors_are_in_the_form_of_who_asks(anonymous, repo):
    address = f"/{repo}/resolve/main/nope.txt"
    told = anonymous.get(address, headers=CLIENT).json()["error"]
    assert told == "There is no file nope.txt in this revision. Check the path."
    assert anonymous.get(address).code == "entry_not_found"
    assert "<html" in anonymous.get(address, headers={"Accept": "text/html"}).text


def test_private_looks_like_missing(alice, bob, anonymous):
    hf.create(alice, "secret", private=True).expect(200)
    alice.head("/alice/secret/resolve/main/.gitattributes").expect(200)
    for caller, status in ((anonymous, 401), (bob, 404)):
        seen = []
        for name in ("secret", "nowhere"):
            address = f"/alice/{name}/resolve/main/.gitattributes"
            answer = caller.get(address, headers=CLIENT).expect(status)
            body = {**answer.json(), "request_id": None}
            headers = {k.lower(): v for k, v in answer.headers.items()}
            del headers["x-request-id"]
            seen.append((body, headers))
        assert seen[0] == seen[1]
        assert seen[0][1]["x-error-code"] == "RepoNotFound"
        assert seen[0][0]["error"].startswith("Repository not found. ")
        assert "LORAHUB_UPSTREAM" in seen[0][0]["error"]


def test_a_repository_that_moved(alice, anonymous, repo):
    move = {"fromRepo": repo, "toRepo": "alice/window", "type": "model"}
    alice.post("/api/repos/move", json=move).expect(200)
    answer = anonymous.head("/alice/GLASS/resolve/main/a%20b/c%231%25.txt?x=1").expect(307)
    assert answer.headers["Location"] == "/alice/window/resolve/main/a%20b/c%231%25.txt?x=1"
    answer = anonymous.get("/api/models/alice/glass/tree/main/d%2Fe?recursive=True").expect(307)
    assert answer.headers["Location"] == ("/api/models/alice/window/tree/main/d%2Fe?recursive=True")
    answer = alice.post("/alice/glass.git/info/lfs/objects/batch", body=b"{}", headers=hf.LFS)
    assert answer.status == 422, "the body is looked at first"
    asked = b'{"operation": "upload", "objects": []}'
    answer = alice.post("/alice/glass.git/info/lfs/objects/batch", body=asked, headers=hf.LFS)
    assert answer.headers["Location"] == "/alice/window.git/info/lfs/objects/batch"


def test_a_deleted_repository_is_none(alice, anonymous, repo):
    alice.delete("/api/repos/delete", json={"name": "glass", "organization": "alice"}).expect(200)
    answer = anonymous.get(f"/{repo}/resolve/main/README.md", headers=CLIENT).expect(404)
    assert answer.headers["X-Error-Code"] == "RepoNotFound"
    assert "deleted" in answer.headers["X-Error-Message"]
    again = hf.create(alice, "glass")
    assert (again.status, again.json()["code"]) == (410, "name_used")


def test_a_name_without_an_owner(anonymous):
    for path in ("/gpt2/resolve/main/config.json", "/api/models/gpt2", "/datasets/a/b/resolve/x/y",
                 "/api/models/gpt2/revision/main", "/api/datasets/a/b"):  # fmt: skip
        answer = anonymous.get(path, headers=CLIENT).expect(401)
        assert answer.headers["X-Error-Code"] == "RepoNotFound", path


class TestQuestions:
    @pytest.fixture
    def site(self, each_site):
        return each_site

    def test_a_file_costs_three_at_any_depth(self, site, asked):
        repo, callers = asked
        head = callers[0].get(hf.model(repo)).json()["sha"]
        paths = ("README.md", "d/e/f/g.txt", "w.safetensors", "d/w.safetensors", "d/e/nope")
        revisions = ("main", head, head[:9], "HEAD")
        for caller, method, path, revision in product(callers, ("GET", "HEAD"), paths, revisions):
            status = 404 if path.endswith("nope") else 200
            kept.clear()
            for _ in range(2):
                with hf.counted(site) as seen:
                    caller.call(method, f"/{repo}/resolve/{revision}/{path}").expect(status)
                assert "api_tokens" in seen[0]
                assert len(seen) <= 3, (path, revision, seen)
