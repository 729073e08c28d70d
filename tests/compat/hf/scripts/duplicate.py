"""Makes duplicates, which are forks here.

Arguments: somebody else's public repository, and one of the caller's that is not there yet.
"""

from common import ARGS, VERSION, api, content, raises, tell
from huggingface_hub import hf_hub_download
from huggingface_hub.utils import HfHubHTTPError, RepositoryNotFoundError

source, mine = ARGS
url = api.duplicate_repo(source, mine)
assert url.repo_id == mine
assert api.model_info(mine).sha == api.model_info(source).sha
files = api.list_repo_files(source)
assert api.list_repo_files(mine) == files
for path in files:
    assert content(hf_hub_download(mine, path)) == content(hf_hub_download(source, path))
assert api.duplicate_repo(source, mine, exist_ok=True) == url
taken = raises(HfHubHTTPError, api.duplicate_repo, source, mine)
assert taken.response.status_code == 409
hidden = f"{mine}-hidden"
more = {"visibility": "private"} if VERSION >= (2, 0) else {"private": True}
api.duplicate_repo(source, hidden, **more)
assert api.model_info(hidden).private
refused = raises(HfHubHTTPError, api.duplicate_repo, source, "bob/not-mine")
assert "your own name" in str(refused)
raises(RepositoryNotFoundError, api.duplicate_repo, f"{source}-not", f"{mine}-x")
tell()
