"""Which base model an adapter is made for: told by names and shapes, then by metadata."""

from lorahub.adapters.families.detection import TWINS, Candidate, Family, detect
from lorahub.adapters.families.words import families_of_words, family_of_words

__all__ = ["TWINS", "Candidate", "Family", "detect", "families_of_words", "family_of_words"]
