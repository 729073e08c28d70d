"""What may be in a commit at all, before the tree is looked at."""

import json

import pytest

from lorahub_server.blobs.errors import BadFile
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.names import InvalidPath
from lorahub_server.repos import operations
from lorahub_server.repos.errors import BadCommit
from lorahub_server.repos.limits import INLINE_TOTAL_MAX, OPERATIONS_MAX
from lorahub_server.repos.operations import AddBlob, AddFile, DeletePath, check
from support import bad_inputs
from support.inside import adapter, sha256


def refused(*wanted) -> HubError:
    with pytest.raises(HubError) as caught:
        check(wanted)
    assert caught.value.status in {413, 422}
    return caught.value


def test_good_operations_are_sorted_out():
    checked = check([AddFile("a", b"1"), AddBlob("b", "0" * 64), DeletePath("c/d")])
    assert checked.paths == ["c/d", "a", "b"]
    assert checked.files["a"].content_sha256 == sha256(b"1")


def test_their_number_is_limited():
    assert refused().place == "operations"
    assert refused(*[DeletePath(f"x{n}") for n in range(OPERATIONS_MAX + 1)]).place == "operations"
    check([DeletePath(f"x{n}") for n in range(OPERATIONS_MAX)])


def test_their_size_is_limited():
    full = [AddFile(f"x{n}", bytes(INLINE_MAX)) for n in range(INLINE_TOTAL_MAX // INLINE_MAX)]
    check(full)
    assert refused(*full, AddFile("y", b"1")).place == "operations"
    assert refused(AddFile("x", bytes(INLINE_MAX + 1))).place == "x"


def test_a_path_is_there_once():
    for other in (AddFile("a", b""), DeletePath("a"), AddBlob("a", "0" * 64)):
        assert refused(AddFile("a", b"1"), other).place == "a"


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a/", "a//b", "../a", "a/.git/x", "CON", "a\\b", "a\0b", "e\u0301", "x" * 300],
)
def test_paths_keep_to_the_grammar(path):
    for operation in (AddFile(path, b""), AddBlob(path, "0" * 64), DeletePath(path)):
        with pytest.raises(InvalidPath):
            check([operation])


@pytest.mark.parametrize("bad", bad_inputs.NOT_SAFETENSORS, ids=str)
def test_weights_do_not_ride_along(bad):
    data = bad.make()
    error = refused(AddFile(f"folder/{bad.filename}", data))
    assert error.place == f"folder/{bad.filename}"
    assert error.code == bad.code


def test_good_weights_are_uploaded_first():
    error = refused(AddFile("a.safetensors", adapter()))
    assert (error.code, error.place) == ("bad_commit", "a.safetensors")
    assert "uploaded first" in error.message
    assert refused(AddFile("renamed.txt", adapter())).code == "bad_commit"


def test_pointers_are_refused():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
    error = refused(AddFile("picture.png", pointer))
    assert (error.code, error.place) == ("lfs_pointer_refused", "picture.png")
    check([AddFile("about.md", b"A pointer begins like this:\n\n    " + pointer)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": \xff}',
        b"[" * 100_000,
        b'{"r": NaN}',
        b'{"r": 1e999}',
        b'{"r": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        json.dumps({"a": "x" * 300_000}).encode(),
    ],
    ids=["empty", "list", "cut", "no-utf8", "deep", "nan", "inf", "digits", "bom", "long"],
)
def test_a_configuration_is_a_json_object(content):
    for path in ("adapter_config.json", "unet/adapter_config.json"):
        assert refused(AddFile(path, content)).place == path
    check([AddFile("other.json", content)])


@pytest.mark.parametrize(
    "content",
    [
        b'{"r": 10000000}',
        b'{"r": -1}',
        b'{"lora_alpha": 1e200}',
        b'{"rank_pattern": {"q_proj": 99999}}',
        b'{"rank_pattern": []}',
        b'{"target_modules": "' + b"a" * 30_000 + b'"}',
    ],
)
def test_a_configuration_that_would_hurt_is_refused(content):
    error = refused(AddFile("adapter_config.json", content))
    assert error.code == "bad_commit"
    assert "adapter_config.json" in error.message


def test_an_odd_configuration_that_hurts_nobody_is_accepted():
    for content in (
        b"{}",
        b'{"peft_type": "NEWER"}',
        rb'{"r": 8, "target_modules": "(\\w+\\.?)+!"}',
    ):
        check([AddFile("adapter_config.json", content)])


def test_a_card_is_checked():
    error = refused(AddFile("README.md", b"---\na: [\n---\n"))
    assert error.code == "invalid_card"
    check([AddFile("README.md", b"---\nlicense: mit\n---\n# Hi\n")])
    check([AddFile("docs/README.md", b"---\na: [\n---\n")])


def test_attributes_are_text():
    assert refused(AddFile(".gitattributes", b"\xff")).place == ".gitattributes"


def test_submodules_are_refused():
    for path in (".gitmodules", "a/.GitModules"):
        assert refused(AddFile(path, b"")).place == path


@pytest.mark.parametrize("path", ["README.md", "adapter_config.json", "x/.gitattributes"])
def test_what_must_be_small_is_no_blob(path):
    assert refused(AddBlob(path, "0" * 64)).place == path


@pytest.mark.parametrize("text", ["", "0" * 63, "g" * 64, "0" * 65])
def test_a_blob_is_named_by_its_hash(text):
    assert refused(AddBlob("a", text)).place == "a"
    assert check([AddBlob("a", "A" * 64)]).blobs == {"a": "a" * 64}


@pytest.mark.parametrize(
    ("path", "is_adapter", "error"),
    [
        ("a.safetensors", True, None),
        ("A.SafeTensors", True, None),
        ("a.dat", True, None),
        ("a.png", False, None),
        ("a.safetensors", False, BadCommit),
        ("a.bin", True, BadFile),
        ("a.pt", False, BadFile),
        ("a.gguf", True, BadCommit),
        ("a.npz", False, BadCommit),
    ],
)
def test_names_of_weights_are_for_weights(path, is_adapter, error):
    if error is None:
        operations.check_weights_name(path, 5, is_adapter=is_adapter)
        return
    with pytest.raises(error) as caught:
        operations.check_weights_name(path, 5, is_adapter=is_adapter)
    assert caught.value.place == path


def test_a_blob_is_not_committed_as_what_it_is_not(small):
    small.make_repo()
    plain = small.upload(b"text " * 1000, "notes.txt")
    weights = small.upload(adapter())
    for path, sha in (("a.safetensors", plain), ("a.bin", weights), ("a.gguf", weights)):
        with pytest.raises(HubError) as caught:
            small.commit({path: sha})
        assert caught.value.place == path
    small.commit({"notes.txt": plain, "a.safetensors": weights})
