"""The help sheet: how a search line is written, and the keys."""

from typing import Any

_SEARCH = (
    (("glass window",), "both words, anywhere in the name, the card or the trigger words"),
    (('"base:sdxl"',), "exactly these characters, not the filter"),
    (("#style", "-#anime"), "with a tag; without one"),
    (("@alice", "-@bob"), "by an account; by anybody but"),
    (("base:sdxl", "-base:flux1"), "for a base model family, as the weights show; for any other"),
    (("base:stabilityai/sdxl-turbo",), "for one base model, as its card says"),
    (("rank:16", "rank:8..64", "rank:>=32"), "of a rank"),
    (("size:<50MB", "size:100MB..1GB"), "of a size, all files together"),
    (("licence:commercial", "licence:mit"), "by what the licence permits, or the licence itself"),
    (("layout:kohya", "method:dora"), "by how the file is laid out, and how it was trained"),
    (("task:image", "task:text"), "by what its base makes: image, video, text, audio, vision"),
    (("trigger:yes", "healthy:yes"), "with trigger words; inspected and sound"),
    (("has:prompts", "has:results"), "with prompts to copy; evaluation results; or has:pictures"),
    (("maturity:soft",), "up to a level: none, soft, mature, explicit"),
    (("updated:<30d", "period:week"), "changed lately; published lately"),
    (("hash:1a2b3c4d5e",), "the file with a hash: SHA-256, AutoV1, AutoV2, AutoV3, CRC32, BLAKE3"),
    (("sort:stars", "sort:smallest"), "in another order"),
)
_KEYS = (
    (("/",), "search"),
    (("j", "k"), "the next adapter, the one before"),
    (("Enter",), "open it"),
    (("c",), "copy its words for a prompt"),
    (("d",), "download it"),
    (("f",), "star it, or no longer"),
    (("e",), "edit its card"),
    (("[", "]"), "the page or version before, the next one"),
    (("?",), "this sheet"),
)
# Content type, ending and name of each feed.
FEEDS = (
    ("application/atom+xml", "atom", "Atom feed"),
    ("application/rss+xml", "rss", "RSS feed"),
    ("application/feed+json", "json", "JSON feed"),
)
GLOBALS: dict[str, Any] = {"search_help": _SEARCH, "search_keys": _KEYS, "feed_kinds": FEEDS}
