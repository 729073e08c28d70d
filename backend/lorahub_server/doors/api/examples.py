"""What the reference shows: one repository of one person, the same in all examples."""

from typing import Any

OID = "3f0c1a9be2d4c5f60718293a4b5c6d7e8f901234"
PARENT = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FILE = "my-style.safetensors"
HUB = "http://127.0.0.1:8000"
TIME = "2026-01-31T12:00:00Z"

REPO: dict[str, Any] = {
    "id": "alice/my-style",
    "owner": "alice",
    "name": "my-style",
    "private": False,
    "gated": None,
    "default_branch": "main",
    "revision": OID,
    "title": "My style",
    "summary": "Stained glass, thick lines.",
    "license": "apache-2.0",
    "base_model": "stabilityai/stable-diffusion-xl-base-1.0",
    "family": "sdxl",
    "family_declared": "sdxl",
    "layout": "kohya",
    "method": "lora",
    "rank": 16,
    "size": 114297640,
    "trigger_words": ["glasspaint"],
    "tags": ["style"],
    "stars": 3,
    "downloads": 120,
    "starred": False,
    "health": "ok",
    "forked_from": None,
    "created_at": TIME,
    "updated_at": TIME,
    "url": f"{HUB}/alice/my-style",
}
COMMIT: dict[str, Any] = {
    "revision": OID,
    "parent": PARENT,
    "changed": True,
    "branch": "main",
    "url": f"{HUB}/alice/my-style/tree/{OID}",
    "pull_request": None,
}
ENTRY: dict[str, Any] = {
    "path": FILE,
    "kind": "file",
    "size": 114297640,
    "sha256": SHA256,
    "oid": "5e2f8a7b6c9d0e1f2a3b4c5d6e7f809192a3b4c5",
    "large": True,
}
UPLOAD: dict[str, Any] = {
    "id": "b2f6a1c04d5e4f7f8a9b0c1d2e3f4a5b",
    "offset": 8388608,
    "size": 114297640,
    "state": "open",
    "sha256": SHA256,
}
SUMMARY: dict[str, Any] = {"layout": "kohya", "family": "sdxl", "method": "lora", "rank": 16}
JOB: dict[str, Any] = {
    "id": 42,
    "kind": "inspect",
    "state": "done",
    "attempts": 1,
    "progress": None,
    "error": None,
    "created_at": TIME,
    "finished_at": TIME,
}
