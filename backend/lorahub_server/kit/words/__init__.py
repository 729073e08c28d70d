"""Lists of words, one text file each: blanks and line ends between words, `#` begins a comment."""

from pathlib import Path


def words(name: str) -> frozenset[str]:
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(" ".join(lines).split())
