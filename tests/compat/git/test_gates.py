"""A gated repository in the hands of real git and git-lfs."""

from support.inside import adapter


def test_who_was_not_accepted_is_told_so_and_gets_nothing(crowd):
    repo = crowd.repo({"notes.txt": b"for some", "w.safetensors": adapter(8)})
    crowd.alice.patch(f"repos/{repo}", json={"gated": "manual"}).expect(200)
    bob = crowd.machine(crowd.bob)
    said = bob.ask(bob.folder, "clone", bob.address(repo), "refused")
    assert said.code != 0
    assert "restricted and you are not in the authorized list" in said.err
    assert f"/{repo}" in said.err
    nobody = crowd.machine()
    assert nobody.ask(nobody.folder, "clone", nobody.address(repo), "refused").code != 0
    crowd.alice.post(f"repos/{repo}/access-requests", json={"account": "bob"}).expect(201)
    clone = bob.clone(repo, "accepted")
    assert (clone.folder / "w.safetensors").read_bytes() == adapter(8)
    crowd.alice.put(
        f"repos/{repo}/access-requests/bob", json={"status": "rejected", "reason": "over"}
    ).expect(200)
    said = bob.ask(clone.folder, "fetch", "origin")
    assert said.code != 0
    assert "rejected" in said.err
    alice = crowd.machine(crowd.alice).clone(repo, "own")
    assert (alice.folder / "notes.txt").read_bytes() == b"for some"
