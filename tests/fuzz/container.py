"""Coverage-guided fuzzing of what reads strangers' files, by hand:

    pip install atheris safetensors          # not part of the project's environment
    python tests/fuzz/container.py           # until it is stopped
    python tests/fuzz/container.py -max_total_time=600 corpus/

What the reader accepts the reference library must accept too, and read the same; everything that
goes on from there may only refuse with AdapterFileError. Options are those of libFuzzer. A file
that breaks a rule is written beside (crash-...); give its name to see it break again, and put what
it taught into tests/client/adapters/test_container_fuzz.py.
"""

import hashlib
import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(_ROOT / "client"))

try:
    atheris: Any = importlib.import_module("atheris")
    safetensors: Any = importlib.import_module("safetensors")
except ImportError as error:
    raise SystemExit(f"{error.name} is missing. Run: pip install atheris safetensors") from None

with atheris.instrument_imports(include=["lorahub.adapters"]):
    from lorahub.adapters import AdapterFileError, parse_config, parse_header, summarise
    from lorahub.adapters.inspect import StreamInspector
    from lorahub.adapters.report_header import header_report
    from lorahub.adapters.scrubbing import scrub_metadata

_LENGTH = 8
_LARGEST = 1 << 16
_BLOCK = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"


def one(data: bytes) -> None:
    """One attempt: the first byte says what the rest is."""
    if not data:
        return
    kind, rest = data[0] % 3, data[1:]
    if kind == 0:
        _file(rest)
    elif kind == 1:
        # The length is right, so that the header gets read.
        text, _, numbers = rest.partition(b"\0")
        _file(struct.pack("<Q", len(text)) + text + numbers)
    else:
        _config(rest)


def _file(content: bytes) -> None:
    try:
        header = parse_header(content, len(content))
    except AdapterFileError:
        return
    read = dict(safetensors.deserialize(content))
    if set(read) != set(header.tensors):
        raise AssertionError("other tensors than the reference library reads")
    for name, info in header.tensors.items():
        if (read[name]["dtype"], read[name]["shape"]) != (info.dtype, list(info.shape)):
            raise AssertionError(f"{name!r} is read differently")
    json.dumps(scrub_metadata(header.metadata).metadata)
    try:
        json.dumps(header_report(header, summarise(header)), allow_nan=False)
        inspector = StreamInspector(len(content))
        inspector.feed(content)
        json.dumps(inspector.finish().to_dict(), allow_nan=False)
    except AdapterFileError:
        return


def _config(content: bytes) -> None:
    try:
        config = parse_config(content)
    except AdapterFileError:
        return
    for name in ("model.layers.0.self_attn.q_proj", "a" * 200):
        config.rank_of(name)
        config.alpha_of(name)


def _seeds(folder: Path) -> None:
    """A few right inputs to begin with."""
    tensors = {
        f"{_BLOCK}.lora_down.weight": {"dtype": "F16", "shape": [1, 4], "data_offsets": [0, 8]},
        f"{_BLOCK}.lora_up.weight": {"dtype": "F16", "shape": [2, 1], "data_offsets": [8, 12]},
    }
    metadata = {"ss_tag_frequency": '{"1_a": {"b": 2}}', "ss_network_dim": "4"}
    config = {"peft_type": "LORA", "r": 4, "rank_pattern": {"(q|v)_proj": 2}, "lora_alpha": 1}
    for text in (tensors, {"__metadata__": metadata, **tensors}):
        header = json.dumps(text).encode()
        _seed(folder, b"\x01" + header + b"\0" + bytes(12))
        _seed(folder, b"\x00" + struct.pack("<Q", len(header)) + header + bytes(12))
    _seed(folder, b"\x02" + json.dumps(config).encode())


def _seed(folder: Path, content: bytes) -> None:
    name = hashlib.sha256(content).hexdigest()[:12]
    folder.joinpath(f"seed-{name}").write_bytes(content)


def main() -> None:
    folders = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not folders:
        corpus = Path(__file__).with_name("corpus")
        corpus.mkdir(exist_ok=True)
        sys.argv.append(str(corpus))
        folders = [str(corpus)]
    if Path(folders[0]).is_dir():
        _seeds(Path(folders[0]))
    atheris.Setup([*sys.argv, f"-max_len={_LARGEST}"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
