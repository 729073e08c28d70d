"""From the trained adapters to the folders that are published."""

import shutil
import tempfile
from pathlib import Path

from catalogue import Item

from lorahub.adapters.remake.convert import convert
from lorahub.adapters.remake.merge import Ingredient, merge
from lorahub.adapters.remake.resize import resize

HERE = Path(__file__).parent
TRAINED = "pytorch_lora_weights.safetensors"


def export(item: Item, folder: Path, adapters: Path = HERE / "adapters") -> Path:
    """Write the repository's files into the new folder `folder` and return it.

    Everything is made by what the hub and `lorahub convert`, `resize` and `merge` use, so the same
    input gives the same bytes.
    """
    folder.mkdir(parents=True)
    # PEFT's layout is a folder, the others are a file.
    out = folder / "peft" if item.layout == "peft" else folder / item.file
    files = [(adapters / source / TRAINED, weight) for source, weight in item.sources]
    if len(files) > 1:
        _merge(item, files, out)
    elif item.rank is not None:
        resize(files[0][0], out, rank=item.rank, layout=item.layout, dtype="fp16")
    else:
        convert(files[0][0], out, layout=item.layout, dtype="fp16")
    if out.is_dir():
        for file in out.iterdir():
            file.rename(folder / file.name)
        out.rmdir()
    shutil.copyfile(HERE / "cards" / f"{item.name}.md", folder / "README.md")
    return folder


def _merge(item: Item, files: list[tuple[Path, float]], out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # A merge notes in its header what it was made of, by the names of the files.
        parts = []
        for file, weight in files:
            named = Path(folder, f"{file.parent.name}.safetensors")
            shutil.copyfile(file, named)
            parts.append(Ingredient(named, weight))
        merge(parts, out, layout=item.layout, dtype="fp16", rank=item.rank)
