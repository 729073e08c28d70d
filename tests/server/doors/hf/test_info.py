"""What is told of a model, and at what cost."""

import re

import pytest

from lorahub_server.library import heads
from lorahub_server.repos import kept
from support import hf
from support.inside import adapter, sha256

CARD = b"""---
license: mit
base_model: Stability/SDXL
tags: [Style, glass]
pipeline_tag: text-to-image
widget:
- text: a window
---
# Glass
"""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def repo(alice) -> str:
    hf.create(alice, "glass").expect(200)
    oid = hf.send(alice, "alice/glass", adapter())
    config = b'{"base_model_name_or_path": "x/y", "task_type": "CAUSAL_LM", "peft_type": "LORA"}'
    hf.commit(
        alice,
        "alice/glass",
        hf.add("README.md", CARD),
        hf.add("adapter_config.json", config),
        hf.large("adapter_model.safetensors", oid),
        hf.large("a/b/c/more.safetensors", oid),
    ).expect(200)
    return "alice/glass"


def info(caller, repo: str, *rest: str, **query: object) -> dict:
    return dict(caller.get(hf.model(repo, *rest), query=query).expect(200).json())


def test_everything(anonymous, repo):
    found = info(anonymous, repo)
    assert found["id"] == found["modelId"] == repo
    assert found["author"] == "alice"
    assert re.fullmatch("[0-9a-f]{40}", found["sha"])
    assert re.fullmatch("[0-9a-f]{24}", found["_id"])
    assert TIME.fullmatch(found["lastModified"])
    assert TIME.fullmatch(found["createdAt"])
    assert (found["private"], found["gated"], found["disabled"]) == (False, False, False)
    assert found["tags"] == [
        "peft", "safetensors", "lora", "style", "glass", "text-to-image",
        "base_model:Stability/SDXL", "base_model:adapter:Stability/SDXL", "license:mit",
    ]  # fmt: skip
    assert (found["library_name"], found["pipeline_tag"]) == ("peft", "text-to-image")
    assert found["cardData"]["license"] == "mit"
    assert found["widgetData"] == [{"text": "a window"}]
    assert found["config"] == {"peft": {"base_model_name_or_path": "x/y", "task_type": "CAUSAL_LM"}}
    assert found["safetensors"] == {"parameters": {"F32": 64}, "total": 64}
    assert [file["rfilename"] for file in found["siblings"]] == [
        ".gitattributes", "README.md", "a/b/c/more.safetensors", "adapter_config.json",
        "adapter_model.safetensors",
    ]  # fmt: skip


def test_files_with_what_is_known_of_them(anonymous, repo):
    found = info(anonymous, repo, blobs="true", securityStatus="True")
    files = {file["rfilename"]: file for file in found["siblings"]}
    assert files["README.md"]["size"] == len(CARD)
    assert "lfs" not in files["README.md"]
    weights = files["adapter_model.safetensors"]
    assert weights["lfs"]["sha256"] == sha256(adapter())
    assert weights["lfs"]["size"] == weights["size"] == len(adapter())
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(adapter())}\n"
    assert weights["lfs"]["pointerSize"] == len(f"{pointer}size {len(adapter())}\n")
    assert found["securityRepoStatus"] == {"scansDone": False, "filesWithIssues": []}


def test_only_what_is_asked_for(anonymous, repo):
    found = info(anonymous, repo, expand="private")
    assert set(found) == {"_id", "id", "private"}
    answer = anonymous.get(f"/api/models/{repo}?expand=sha&expand[]=usedStorage&expand=evalResults")
    found = answer.expect(200).json()
    assert set(found) == {"_id", "id", "sha", "usedStorage", "evalResults"}
    assert found["usedStorage"] == len(adapter())
    refused = anonymous.get(f"/api/models/{repo}?expand=nonsense").expect(400).json()
    assert info(anonymous, repo, expand="xetEnabled")["xetEnabled"] is True
    assert "xetEnabled" not in refused["error"]
    listed = re.search(r'"expand" must be one of \[(.*)\]', refused["error"])
    assert listed is not None
    for name in listed[1].split(", "):
        assert name in info(anonymous, repo, expand=name)


def test_an_earlier_revision(alice, anonymous, repo):
    before = info(anonymous, repo)
    hf.commit(
        alice, repo, hf.line("deletedFolder", path="a/"), hf.add("README.md", b"# New")
    ).expect(200)
    after = info(anonymous, repo, "revision", "main")
    assert after["sha"] != before["sha"]
    assert "license:mit" not in after["tags"]
    earlier = info(anonymous, repo, "revision", before["sha"])
    changing = {"lastModified", "downloads"}
    assert {k: v for k, v in earlier.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    missing = anonymous.get(hf.model(repo, "revision", "nope")).expect(404)
    assert missing.headers["X-Error-Code"] == "RevisionNotFound"


def test_a_repository_without_a_commit(alice, anonymous):
    found = info(anonymous, "alice/style")
    assert (found["sha"], found["siblings"], found["cardData"]) == (None, [], {})
    missing = anonymous.get(hf.model("alice/style", "revision", "main")).expect(404)
    assert missing.headers["X-Error-Code"] == "RevisionNotFound"


def test_a_repository_that_an_earlier_version_wrote(site, anonymous, repo):
    from lorahub_server.library.tables import RepoHead

    found = info(anonymous, repo)
    with site.hub.db.write() as session:
        for head in session.query(RepoHead):
            session.delete(head)
    heads.clear()
    assert info(anonymous, repo) == found


def test_names_in_any_case(anonymous, repo):
    assert info(anonymous, "ALICE/Glass")["id"] == repo


class TestQuestions:
    @pytest.fixture
    def site(self, each_site):
        return each_site

    def test_the_head_costs_three(self, site, asked):
        repo, callers = asked
        head = info(callers[0], repo)["sha"]
        ways = [(), ("revision", "main"), ("revision", head), ("revision", head[:8])]
        for caller in callers:
            for rest in ways:
                kept.clear()
                heads.clear()
                with hf.counted(site) as seen:
                    info(caller, repo, *rest, blobs=True)
                assert "api_tokens" in seen[0]
                assert len(seen) <= 3, seen
            with hf.counted(site) as seen:
                told = info(caller, repo, "revision", "main", expand="usedStorage")
            assert (told["usedStorage"], len(seen)) == (len(adapter()), 3), seen

    def test_another_revision_costs_three_from_the_second_time_on(self, site, asked):
        repo, callers = asked
        before = info(callers[0], repo)["sha"]
        hf.commit(callers[0], repo, hf.add("x.txt", b"x")).expect(200)
        info(callers[0], repo, "revision", before)
        for caller in callers:
            with hf.counted(site) as seen:
                info(caller, repo, "revision", before)
            assert "api_tokens" in seen[0]
            assert len(seen) <= 3, seen
