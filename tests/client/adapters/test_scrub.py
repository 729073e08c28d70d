"""What is private leaves the header; the tensors stay byte for byte."""

import hashlib
import json
import stat

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub.adapters import AdapterFileError, describe, read_header, scrub
from lorahub.adapters.scrubbing import report, scrub_metadata

SECRETS = ("alice", "summer holiday", "private", "C:\\", "/mnt/", "4242424242", "mail.example")
METADATA = {
    "format": "pt",
    "ss_session_id": "4242424242",
    "ss_sd_model_name": "/home/alice/models/base.safetensors",
    "ss_vae_name": "models\\alice\\vae.pt",
    "ss_dataset_dirs": json.dumps({"10_private sks dog": {"n_repeats": 10, "img_count": 20}}),
    "ss_tag_frequency": json.dumps({"10_private sks dog": {"sks dog": 20, "grass": 3}}),
    "ss_datasets": json.dumps(
        [
            {
                "resolution": [512, 512],
                "tag_frequency": {"10_private sks dog": {"sks dog": 20}},
                "subsets": [
                    {
                        "image_dir": "C:\\Users\\alice\\train\\10_private sks dog",
                        "class_tokens": "sks dog",
                        "metadata_file": "/home/alice/private.json",
                    },
                ],
            }
        ]
    ),
    "ss_training_comment": "made by alice in D:\\alice\\summer holiday\\run.toml, ask alice@mail.example",
    "ss_config_file": "/mnt/x/private.toml",
    "ss_wandb_run_name": "alice-1",
    "ss_user": "alice",
    "ss_output_name": "glass",
    "ss_learning_rate": "0.0001",
    "ss_steps": "1000",
    "modelspec.title": "glass",
    "modelspec.author": "Glassworks",
    "modelspec.thumbnail": "data:image/jpeg;base64,/9j/4AAQSkZJRg/home/abc==",
    "modelspec.description": "See https://example.org/a/b and use a/b or 1/2.",
    "software": json.dumps({"name": "ai-toolkit", "dir": "/mnt/c/train/set1/"}),
    "lora_adapter_metadata": json.dumps(
        {"unet.r": 4, "unet.base_model_name_or_path": "/home/alice/sd15"}
    ),
}


def make(path, metadata):
    arrays = {
        "lora_unet_x.lora_down.weight": np.arange(6, dtype=np.float16).reshape(2, 3),
        "lora_unet_x.lora_up.weight": np.arange(8, dtype=np.float16).reshape(4, 2),
    }
    path.write_bytes(safetensors.numpy.save(arrays, metadata))
    return path


def data_of(path):
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
    return path.read_bytes()[header.data_start :], header


def test_private_things_go_and_the_tensors_stay(tmp_path):
    source = make(tmp_path / "a.safetensors", METADATA)
    source.chmod(0o640)
    before, _ = data_of(source)
    found = scrub(source, tmp_path / "b.safetensors")
    after, header = data_of(tmp_path / "b.safetensors")
    assert after == before
    assert found.data_sha256 == hashlib.sha256(before).hexdigest()
    assert header.metadata == found.metadata
    text = json.dumps(header.metadata).replace("\\\\", "\\")
    assert [secret for secret in SECRETS if secret in text] == []
    assert stat.S_IMODE((tmp_path / "b.safetensors").stat().st_mode) == 0o640
    assert set(safetensors.numpy.load_file(tmp_path / "b.safetensors")) == set(header.tensors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]
    assert all("alice" not in line for line in report(found))


def test_what_is_worth_knowing_stays():
    found = scrub_metadata(METADATA).metadata
    for key in ("ss_learning_rate", "ss_steps", "ss_output_name", "modelspec.title", "modelspec.author",
                "modelspec.thumbnail", "modelspec.description", "format"):  # fmt: skip
        assert found[key] == METADATA[key], key
    assert found["ss_sd_model_name"] == "base.safetensors"
    assert found["ss_vae_name"] == "vae.pt"
    assert json.loads(found["ss_tag_frequency"]) == {"10_dataset_1": {"sks dog": 20, "grass": 3}}
    assert json.loads(found["ss_dataset_dirs"]) == {
        "10_dataset_1": {"n_repeats": 10, "img_count": 20}
    }
    subset = json.loads(found["ss_datasets"])[0]["subsets"][0]
    assert subset["class_tokens"] == "sks dog"
    assert subset["image_dir"] == "10_dataset_1"
    assert json.loads(found["lora_adapter_metadata"]) == {
        "unet.r": 4,
        "unet.base_model_name_or_path": "sd15",
    }
    # The words that make the adapter act are still found.
    assert "sks dog" in [trigger.word for trigger in describe(found).triggers]


def test_each_change_is_reported_and_a_second_run_finds_nothing():
    found = scrub_metadata(METADATA)
    changed = {removal.key for removal in found.removals}
    kept = {key for key in METADATA if found.metadata.get(key) == METADATA[key]}
    assert changed == set(METADATA) - kept
    gone = {removal.key for removal in found.removals if removal.gone}
    assert gone == set(METADATA) - set(found.metadata)
    assert gone == {"ss_session_id", "ss_config_file", "ss_wandb_run_name", "ss_user"}
    assert scrub_metadata(found.metadata).clean


def test_caption_words_go_on_request():
    found = scrub_metadata(METADATA, tags=True)
    assert "ss_tag_frequency" not in found.metadata
    assert "tag_frequency" not in found.metadata["ss_datasets"]


def test_a_dry_run_writes_nothing_and_a_file_may_be_its_own_target(tmp_path):
    source = make(tmp_path / "a.safetensors", METADATA)
    content = source.read_bytes()
    assert not scrub(source, None).clean
    assert source.read_bytes() == content
    scrub(source, source)
    assert b"alice" not in source.read_bytes()
    assert scrub(source, None).clean
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_unreadable_folder_names_go_whole():
    found = scrub_metadata(
        {"ss_dataset_dirs": "{broken /home/alice", "ss_tag_frequency": "[" * 50_000}
    )
    assert found.metadata == {}


def test_a_broken_file_is_not_copied(tmp_path):
    source = make(tmp_path / "a.safetensors", METADATA)
    source.write_bytes(source.read_bytes()[:-3])
    with pytest.raises(AdapterFileError):
        scrub(source, tmp_path / "b.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


pieces = st.sampled_from(
    ["/", "\\", "home", "alice", "C:", "~", " ", "{", "}", '"', "[", "]", ":", ",", "10_x", "@mail.org", "\u00e9", "a"]
)  # fmt: skip
values = st.lists(pieces, max_size=12).map("".join)
keys = st.sampled_from(
    ["ss_dataset_dirs", "ss_datasets", "ss_sd_model_name", "notes", "ss_training_comment"]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, values, max_size=4))
def test_any_metadata_is_cleaned_once_and_stays_writable(metadata):
    found = scrub_metadata(metadata)
    assert scrub_metadata(found.metadata).metadata == found.metadata
    assert set(found.metadata) <= set(metadata)
    json.dumps(found.metadata).encode()
    assert not any("/home/alice/" in value for value in found.metadata.values())


def test_an_address_behind_a_path_goes_too() -> None:
    found = scrub_metadata({"ss_sd_model_name": "/{home@mail.org", "ss_dit": "/home/a/b@c.org.pt"})
    assert "@" not in "".join(found.metadata.values())
