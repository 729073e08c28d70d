"""Every family that diffusers has a model of, by the names and sizes of that model."""

import pytest

from lorahub.adapters import Header, summarise
from lorahub.adapters.families import family_of_words
from lorahub.adapters.remake.naming import scheme_for
from support import diffusers_models as models

# What shares every layer with another, even when all are there. Only metadata tells.
SAME = {
    "longcat-image": "flux1",
    "bria-fibo": "flux1",
    "sd3": "sd3.5-medium",
    "ltx-video-13b": "ltx2",
    "glm-image": "cogview3",
}
PARTS = {
    "attention": r"(attn|attention)",
    "q and v": r"(to_q|to_v|\.[qv]|to_query|to_value|qkv\w*)$",
    "q": r"(to_q|\.q|to_query|qkv\w*)$",
    "ff": r"(\.ff|mlp|feed_forward)",
    "one block": r"(blocks|layers)\.0\.",
}


def candidates(name, layout, keep=""):
    head = models.header(name, layout, keep)
    return summarise(head) if head.tensors else None


@pytest.mark.parametrize("layout", ["diffusers", "kohya", "peft"])
@pytest.mark.parametrize("name", models.MODELS)
def test_all_layers_tell_the_family(name, layout):
    found = candidates(name, layout)
    wanted = SAME.get(name, name)
    if name in ("longcat-image", "bria-fibo"):
        assert found.family == wanted
    else:
        assert set(found.family_candidates) == {name, wanted}
        assert found.family_confidence == ("low" if name in SAME else "high")


# The MLP alone is often too little for any word.
SILENT = {"ff"}
TWINS = {"longcat-image": "flux1", "bria-fibo": "flux1", "sd3.5-medium": "sd3"}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", models.MODELS)
def test_parts_never_lead_to_a_wrong_claim(name, part):
    """The truth is among the candidates, or nothing is said."""
    found = candidates(name, "kohya", PARTS[part])
    if found is None or (part in SILENT and not found.family_candidates):
        return
    assert TWINS.get(name, name) in found.family_candidates, found.family_evidence
    assert (found.family_confidence == "high") == (len(found.family_candidates) == 1)


@pytest.mark.parametrize(
    ("name", "key", "value", "wanted"),
    [
        ("sdxl", "ss_base_model_version", "kolors", "kolors"),
        ("longcat-image", "modelspec.architecture", "LongCat-Image/lora", "longcat-image"),
        ("bria-fibo", "ss_base_model", "briaai/FIBO", "bria-fibo"),
        ("qwen-image", "ss_base_model_version", "qwen_image_edit", "qwen-image-edit"),
        ("qwen-image", "modelspec.architecture", "Qwen-Image-Edit-2511/lora", "qwen-image-edit"),
        ("wan-14b", "ss_base_model_version", "skyreels_v2", "skyreels-v2"),
        ("ltx-video-13b", "ss_base_model_version", "ltx2", "ltx2"),
        ("hunyuan-video-1.5", "ss_base_model_version", "hunyuan_video_1_5", "hunyuan-video-1.5"),
        ("cosmos-predict2-2b", "ss_base_model", "nvidia/Cosmos-Predict2-2B", "cosmos-predict2-2b"),
    ],
)
def test_metadata_tells_twins_apart(name, key, value, wanted):
    head = _sdxl() if name == "sdxl" else models.header(name, "kohya")
    found = summarise(Header(head.tensors, {key: value}, head.data_start, head.file_size))
    assert found.family == wanted
    assert found.family_confidence in ("medium", "high")
    assert not [line for line in found.family_evidence if line.endswith("disagrees")]


def _sdxl():
    from support.shapes import header

    return header("sdxl", "kohya")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("genmo/mochi-1-preview", "mochi"),
        ("Efficient-Large-Model/Sana_1600M_1024px_diffusers", "sana"),
        ("Efficient-Large-Model/SANA1.5_4.8B_1024px", "sana"),
        ("stabilityai/stable-video-diffusion-img2vid-xt", "svd"),
        ("tencent/HunyuanVideo-1.5", "hunyuan-video-1.5"),
        ("tencent/HunyuanVideo", "hunyuan-video"),
        ("HiDream-ai/HiDream-I1-Full", "hidream"),
        ("hidream_o1_image", None),
        ("black-forest-labs/FLUX.2-klein-9B", "flux2-klein-9b"),
        ("Qwen/Qwen-Image-Edit-2509", "qwen-image-edit"),
        ("Qwen/Qwen-Image", "qwen-image"),
        ("someone/sana-7b", None),
        ("someone/mochi-llama-7b", "llama"),
    ],
)
def test_names_speak_of_families(name, wanted):
    assert family_of_words(name) == wanted


@pytest.mark.parametrize("name", ["wan-14b", "flux1", "z-image"])
def test_metadata_of_another_model_is_a_conflict(name):
    head = models.header(name, "kohya")
    metadata = {"ss_base_model_version": "qwen_image_edit"}
    found = summarise(Header(head.tensors, metadata, head.data_start, head.file_size))
    assert found.family == name
    assert found.family_evidence[-1] == "metadata ss_base_model_version disagrees"


@pytest.mark.parametrize("name", ["ltx2", "ltx-video-13b", "qwen-image", "hunyuan-video"])
def test_every_layer_of_a_block_has_a_name_in_each_layout(name):
    scheme = scheme_for(name)
    flat = {}
    for path, _, _ in models.layers(name):
        if ".attn" in path or ".audio" in path or ".ff" in path:
            read = scheme.read("transformer", path)
            assert read, path
            place = read[1]
            assert place.pieces[place.piece or 0] == path
            original = place.original.replace(".", "_")
            flat.setdefault(original, []).append(path)
            assert scheme.read("transformer", original)[1].pieces == place.pieces
    assert len(flat) > 200


@pytest.mark.slow
def test_what_is_written_down_is_what_diffusers_has():
    written = models._read()
    assert written.keys() == models.MODELS.keys()
    for name in models.MODELS:
        rows = [[*row[:3], models.packed(row[3])] for row in models.rows_of(name)]
        assert written[name] == rows, name
