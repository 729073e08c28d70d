"""Which files of a folder are the adapter."""

from pathlib import Path

from lorahub.adapters.errors import AdapterFileError

PEFT_FILE = "adapter_model.safetensors"
DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
_COMPONENTS = frozenset(
    {"unet", "transformer", "transformer_2", "text_encoder", "text_encoder_2", "text_encoder_3"}
)


def find_files(path: Path) -> list[tuple[Path, str | None]]:
    """(file, component) of each file of the adapter at `path`, a file or a folder."""
    if not path.is_dir():
        name = path.parent.name
        return [(path, name if path.name == PEFT_FILE and name in _COMPONENTS else None)]
    parts: list[tuple[Path, str | None]] = [
        (folder / PEFT_FILE, folder.name)
        for folder in sorted(path.iterdir())
        if folder.name in _COMPONENTS and (folder / PEFT_FILE).is_file()
    ]
    if (path / PEFT_FILE).is_file():
        parts.insert(0, (path / PEFT_FILE, None))
    if parts:
        return parts
    if (path / DIFFUSERS_FILE).is_file():
        return [(path / DIFFUSERS_FILE, None)]
    found = sorted(path.glob("*.safetensors"))
    if len(found) == 1:
        return [(found[0], None)]
    raise AdapterFileError(
        "no_single_adapter",
        f"{path.name or path} holds {len(found)} adapter files.",
        hint="Name the file that is meant.",
    )
