"""What pictures that strangers send say about themselves, and how much of it is read."""

import json
import random
import struct
import zlib
from contextlib import suppress

import pytest
from PIL import Image

from lorahub_server.insight.previews import heads
from lorahub_server.insight.previews.errors import BadPicture, PictureTooLarge
from lorahub_server.insight.previews.told import parameters
from support import picture_files as files

A1111 = (
    "a cat, <lora:glass:0.8>\nsitting\nNegative prompt: blurry, bad\nSteps: 20, Sampler: DPM++ 2M, "
    'CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x768, Model: dream, Lora hashes: "a: b, c: d"'
)
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 156680208700286, "steps": 30, "cfg": 8.0, "sampler_name": "euler",
        "scheduler": "karras", "positive": ["9", 0], "negative": ["7", 0], "model": ["4", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1.safetensors"}},
    "9": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0]}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["4", 1]}},
    "11": {"class_type": "String", "inputs": {"value": "a castle"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "ugly"}},
}  # fmt: skip


def told(data):
    return parameters(heads.read_head(data).texts)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("more", [{}, {"lossless": True}, {"progressive": True}])
def test_kind_and_size(kind, more):
    head = heads.read_head(files.picture(kind, size=(61, 37), **more))
    assert (head.media_type, head.width, head.height) == (f"image/{kind.lower()}", 61, 37)


def test_a1111_in_png():
    found = told(files.png({"parameters": A1111}))
    assert found == {
        "tool": "a1111", "prompt": "a cat, <lora:glass:0.8>\nsitting", "negative": "blurry, bad",
        "steps": 20, "sampler": "DPM++ 2M", "guidance": 7.5, "seed": 18446744073709551615,
        "width": 512, "height": 768, "model": "dream",
    }  # fmt: skip


@pytest.mark.parametrize("code", ["utf-16-be", "utf-16-le", "utf-16", "ascii"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_a1111_in_exif(kind, code):
    found = told(files.picture(kind, exif=files.user_comment(A1111, code)))
    assert found["prompt"].startswith("a cat")
    assert found["steps"] == 20


def test_letters_of_all_scripts_in_exif():
    text = "猫が窓辺に、ガラス画\nSteps: 4, Seed: 1"
    found = told(files.picture("JPEG", exif=files.user_comment(text, "utf-16-be")))
    assert found["prompt"] == "猫が窓辺に、ガラス画"


@pytest.mark.parametrize("packed", [False, True])
def test_comfyui(packed):
    data = files.png({"prompt": json.dumps(GRAPH), "workflow": '{"nodes": []}'}, packed=packed)
    assert told(data) == {
        "tool": "comfyui", "prompt": "a castle", "negative": "ugly", "workflow": True,
        "steps": 30, "guidance": 8, "sampler": "euler", "schedule": "karras",
        "seed": 156680208700286, "model": "v1.safetensors",
    }  # fmt: skip


def test_comfyui_in_webp():
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{json.dumps(GRAPH)}"
    exif[0x010F] = 'workflow:{"nodes": []}'
    found = told(files.picture("WEBP", exif=exif.tobytes()))
    assert (found["tool"], found["prompt"], found["workflow"]) == ("comfyui", "a castle", True)


def test_a_circle_in_the_graph_has_an_end():
    graph = {
        "1": {"inputs": {"seed": 1, "positive": ["2", 0], "negative": [["x"], 0]}},
        "2": {"inputs": {"conditioning": ["2", 0]}},
    }
    assert told(files.png({"prompt": json.dumps(graph)}))["prompt"] == ""


def test_invoke():
    new = {"positive_prompt": "a boat", "negative_prompt": "fog", "seed": 5, "cfg_scale": 6.5,
           "scheduler": "euler", "model": {"name": "sdxl"}, "steps": "many"}  # fmt: skip
    found = told(files.png({"invokeai_metadata": json.dumps(new)}))
    assert found == {"tool": "invoke", "prompt": "a boat", "negative": "fog", "seed": 5,
                     "guidance": 6.5, "sampler": "euler", "model": "sdxl"}  # fmt: skip
    old = {"image": {"prompt": [{"prompt": "a ship"}], "steps": 9}}
    assert told(files.png({"sd-metadata": json.dumps(old)}))["prompt"] == "a ship"


@pytest.mark.parametrize(
    "texts",
    [{}, {"Software": "gimp"}, {"prompt": "[" * 3000}, {"prompt": "{}"}, {"prompt": '{"1": 5}'},
     {"invokeai_metadata": "5"}, {"sd-metadata": '{"image": {"prompt": []}}'},
     {"parameters": "Steps: "}, {"prompt": '{"1": {"inputs": {"seed": NaN}}}'},
     {"workflow": "{" * 100}],
)  # fmt: skip
def test_pictures_that_tell_nothing(texts):
    assert told(files.png(texts)) is None


def test_values_are_cut_to_size():
    text = f"{'x' * 50_000}\nSteps: 20, Sampler: {'y' * 5000}, Seed: 1e400, CFG scale: nan"
    found = told(files.png({"parameters": text}))
    assert found is None or len(json.dumps(found)) < 10_000
    text = f"x\0\ud800y\nSteps: 20, Sampler: {'y' * 5000}, Seed: 1e400, CFG scale: nan"
    found = told(files.png({"parameters": text}, encoding=("utf-8", "surrogatepass")))
    assert set(found) == {"tool", "prompt", "negative", "steps", "sampler"}
    assert len(found["sampler"]) == 200
    json.dumps(found).encode()


def test_bombs_are_refused_before_they_go_off():
    for kind in (b"zTXt", b"iTXt"):
        packed = zlib.compress(b"\0" * 20_000_000)
        body = b"a\0\0" + packed if kind == b"zTXt" else b"a\0\1\0\0\0" + packed
        with pytest.raises(BadPicture, match="more than 1024 KiB"):
            heads.read_head(files.raw_png((kind, body)))
    with pytest.raises(BadPicture, match="more than 1024 KiB"):
        heads.read_head(files.raw_png((b"tEXt", b"a\0" + b"x" * 2_000_000)))
    many = [(b"tEXt", b"%d\0x" % n) for n in range(100)]
    with pytest.raises(BadPicture, match="too many texts"):
        heads.read_head(files.raw_png(*many))
    with pytest.raises(BadPicture, match="too many parts"):
        heads.read_head(files.raw_png(*[(b"teSt", b"")] * 30_000))
    with pytest.raises(PictureTooLarge):
        heads.read_head(files.raw_png(size=(60_000, 2)))
    with pytest.raises(PictureTooLarge):
        heads.read_head(files.raw_png(size=(16_000, 16_000)))


def test_broken_ones_are_refused():
    whole = files.png({"parameters": A1111})
    bad_crc = bytearray(whole)
    bad_crc[20] ^= 1
    for data in (b"", b"GIF89a", b"<svg>", whole[:40], bytes(bad_crc), whole[:-12],
                 files.raw_png(with_data=False), files.raw_png(size=(0, 5)),
                 files.raw_png((b"zTXt", b"a\0\0nonsense")), b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP",
                 files.picture("JPEG")[:30], files.picture("WEBP")[:25]):  # fmt: skip
        with pytest.raises(BadPicture):
            heads.read_head(data)


def test_whatever_happens_to_the_bytes_nothing_else_is_raised():
    chance = random.Random(5)
    exif = files.user_comment(A1111, "utf-16-be")
    wholes = [files.png({"parameters": A1111}), files.picture("JPEG", exif=exif),
              files.picture("WEBP", exif=exif), files.picture("PNG", exif=exif)]  # fmt: skip
    for _ in range(600):
        data = bytearray(chance.choice(wholes))
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        with suppress(BadPicture, PictureTooLarge):
            parameters(heads.read_head(bytes(data)).texts)


def test_exif_in_circles():
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + b"\0" * 4
    assert heads.read_head(files.picture("JPEG", exif=b"Exif\0\0" + tiff)).texts == {}
