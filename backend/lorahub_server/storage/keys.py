"""Where things lie in the store. Every key is made here, so the layout can be read in one place."""

import re

_SHA256 = re.compile(r"[0-9a-f]{64}")

BLOBS = "blobs/sha256/"
STAGING = "staging/"
XORBS = "xet/"
VARIANTS = "variants/"
PICTURES = "pictures/"
# Widths of the copies of pictures, in pixels.
SMALL = 480
WIDTHS = (240, SMALL, 960)


def blob_key(sha256: str) -> str:
    """Return the key of a published blob; two levels of folders keep a disk's folders small."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 in lower-case hex.")
    return f"{BLOBS}{sha256[:2]}/{sha256[2:4]}/{sha256}"


def staging_prefix(upload_id: str) -> str:
    """Return the prefix below which one upload's parts lie until they are verified."""
    return f"{STAGING}{upload_id}/"


def staging_key(upload_id: str, offset: int) -> str:
    """Return the key of the part that starts at byte `offset`; keys sort as offsets do."""
    return f"{staging_prefix(upload_id)}{offset:016d}"


def xorb_prefix(space_id: str) -> str:
    """Return the prefix below which lie the bundles of chunks of one space of Xet uploads."""
    return f"{XORBS}{space_id}/"


def xorb_key(space_id: str, name: str) -> str:
    """Return the key of a bundle of chunks, with its index behind its bytes."""
    return f"{xorb_prefix(space_id)}{name}"


def variant_prefix(variant_id: str) -> str:
    """Return the prefix below which the files of a variant lie."""
    if not _SHA256.fullmatch(variant_id):
        raise ValueError(f"{variant_id!r} is not the id of a variant.")
    return f"{VARIANTS}{variant_id}/"


def variant_key(variant_id: str, number: int) -> str:
    """Return the key of one file of a variant; the weights have the number 0."""
    return f"{variant_prefix(variant_id)}{number}"


def picture_key(sha256: str) -> str:
    """Return the key of a picture, rendered or uploaded."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 in lower-case hex.")
    return f"{PICTURES}{sha256[:2]}/{sha256}"


def copy_key(sha256: str, width: int) -> str:
    """Return the key of the copy of a picture that is at most so many pixels wide."""
    # The only one that earlier hubs made, under the name that it had.
    return f"{picture_key(sha256)}.{'small' if width == SMALL else width}"


def picture_of(key: str) -> str:
    """Return the SHA-256 of the picture whose bytes, or a copy of it, lie under a key."""
    return key.rpartition("/")[2].partition(".")[0]
