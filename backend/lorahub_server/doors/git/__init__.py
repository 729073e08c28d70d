"""Git over HTTP: clone, fetch and push, with the programs that people have.

The answers for git-lfs are the same that Hugging Face's clients get: doors/hf/lfs.py.
"""

from fastapi import APIRouter

from lorahub_server.doors.git import fetch, lfs, push, refs

router = APIRouter(include_in_schema=False)
for _part in (refs, fetch, push, lfs):
    router.include_router(_part.router)
