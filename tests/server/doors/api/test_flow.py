"""The main job over the API in one go, on both databases."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor


def test_the_main_job(each_site, weights):
    alice, bob = each_site.add_account("alice"), each_site.add_account("bob")
    anonymous = each_site.as_token(None)
    card = b"---\nlicense: mit\ntags: [glass]\ninstance_prompt: glasspaint\n---\n# Glass\n"
    files = {"glass.safetensors": weights, "README.md": card}
    alice.post("repos", json={"name": "glass"}).expect(201)
    asked = [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in files.items()
    ]
    plan = alice.post("repos/alice/glass/preupload/main", json={"files": asked}).expect(200).json()
    assert [file["action"] for file in plan["files"]] == ["upload", "inline"]
    upload = alice.post("uploads", json={"name": "glass.safetensors", "size": len(weights)})
    address = f"uploads/{upload.expect(201).json()['id']}"
    alice.patch(address, body=weights[:50], headers={"Upload-Offset": "0"}).expect(200)
    alice.patch(address, body=weights[50:], headers={"Upload-Offset": "50"}).expect(200)
    sha256 = alice.post(f"{address}/complete").expect(200).json()["sha256"]
    operations = [
        {"op": "add", "path": "glass.safetensors", "sha256": sha256},
        {"op": "add", "path": "README.md", "content": base64.b64encode(card).decode()},
    ]
    wish = {"message": "Publish", "operations": operations}
    commit = alice.post("repos/alice/glass/commits/main", json=wish).expect(201).json()
    shown = anonymous.get("repos/alice/glass").expect(200).json()
    assert (shown["license"], shown["tags"], shown["layout"]) == ("mit", ["glass"], "peft")
    for query in ({"search": "glass"}, {"tag": "glass"}, {"layout": "peft"}, {"owner": "Alice"}):
        found = anonymous.get("repos", query=query).expect(200).json()["items"]
        assert [item["id"] for item in found] == ["alice/glass"]
    assert bob.put("repos/alice/glass/star").expect(200).json()["stars"] == 1
    manifest = anonymous.get(f"repos/alice/glass/manifest/{commit['revision']}").expect(200).json()
    for file in manifest["files"]:
        body = anonymous.get(file["url"].removeprefix("http://hub.test")).expect(200).body
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
    alice.post("repos/alice/glass/tags", json={"name": "v1", "revision": "main"}).expect(201)
    alice.delete("repos/alice/glass/raw/main/glass.safetensors").expect(200)
    again = anonymous.get("/alice/glass/resolve/v1/glass.safetensors").expect(200)
    assert again.body == weights
    alice.patch("repos/alice/glass", json={"private": True}).expect(200)
    assert anonymous.get("repos/alice/glass").code == "repo_not_found"
    alice.delete("repos/alice/glass").expect(204)
    assert alice.get("repos/alice/glass").code == "repo_gone"


def test_many_commits_at_once_are_all_there(each_site):
    alice = each_site.add_account("alice")
    alice.post("repos", json={"name": "busy"}).expect(201)

    def put(number: int) -> int:
        return alice.put(f"repos/alice/busy/raw/main/{number}.txt", body=b"%d" % number).status

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(put, range(16))) == [201] * 16
    history = alice.get("repos/alice/busy/commits/main").json()["items"]
    assert len(history) == 16
    assert len(alice.get("repos/alice/busy/tree/main").json()["items"]) == 16


def test_of_many_that_stand_on_one_parent_one_wins(each_site):
    alice = each_site.add_account("alice")
    alice.publish("alice/race", {"a.txt": b"a"})
    head = alice.get("repos/alice/race").json()["revision"]

    def commit(number: int) -> int:
        return alice.commit("alice/race", "m", {"n.txt": b"%d" % number}, parent=head).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(commit, range(8)))
    assert statuses == [201] + [409] * 7


def test_the_same_stars_and_repositories_at_once(each_site):
    alice, bob = each_site.add_account("alice"), each_site.add_account("bob")
    alice.post("repos", json={"name": "x"}).expect(201)
    with ThreadPoolExecutor(8) as pool:
        stars = list(pool.map(lambda _: bob.put("repos/alice/x/star").status, range(8)))
        made = list(pool.map(lambda _: alice.post("repos", json={"name": "y"}).status, range(8)))
    assert stars == [200] * 8
    assert sorted(made) == [201] + [409] * 7
    assert alice.get("repos/alice/x").json()["stars"] == 1
