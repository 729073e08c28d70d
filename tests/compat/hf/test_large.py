"""A file that goes in parts, and a folder with more files than anybody should have."""

import pytest

MIDDLE = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet")]


@pytest.mark.parametrize("kind", ["0.36", "2.4-lfs", "2.4-xet"])
def test_a_large_file(make_client, alice, crowd, name, kind):
    client = make_client(kind, crowd.endpoint, alice.token)
    client.run("large", "file", name)
    files = crowd.anonymous.get(f"repos/{name}/tree/main").expect(200).json()["items"]
    assert {item["path"] for item in files} == {
        ".gitattributes", "again.safetensors", "w.safetensors",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [pytest.param("0.36", marks=pytest.mark.slow), *MIDDLE, "2.4-xet"])
def test_five_thousand_files(make_client, alice, crowd, name, kind):
    make_client(kind, crowd.endpoint, alice.token).run("large", "folder", name)
