"""A gated repository of mine, and somebody who asks. Arguments: the repository, their name, token."""

from common import ARGS, VERSION, adapter, api, content, raises
from huggingface_hub import HfApi, ModelCard, hf_hub_download, snapshot_download, utils

repo, name, token = ARGS
theirs = HfApi(token=token)
api.create_repo(repo)
api.upload_file(path_or_fileobj=b"1", path_in_repo="n.txt", repo_id=repo)
api.upload_file(path_or_fileobj=adapter(3), path_in_repo="w.safetensors", repo_id=repo)
api.upload_file(
    path_or_fileobj=b"---\nextra_gated_fields:\n  Company: text\n---\n# Gate\n",
    path_in_repo="README.md",
    repo_id=repo,
)
assert api.model_info(repo).gated is False
api.update_repo_settings(repo, gated="manual")
assert theirs.model_info(repo).gated == "manual"
assert [m.gated for m in theirs.list_models(author=repo.split("/")[0], full=True)
        if m.id == repo] == ["manual"]  # fmt: skip
assert repo in [m.id for m in theirs.list_models(author=repo.split("/")[0], gated=True)]
assert "w.safetensors" in theirs.list_repo_files(repo)


def refused(who=token, folder="refused"):
    for call in (
        lambda: hf_hub_download(repo, "n.txt", token=who, cache_dir=folder),
        lambda: hf_hub_download(repo, "w.safetensors", token=who, cache_dir=folder),
        lambda: snapshot_download(repo, token=who, cache_dir=folder),
        lambda: HfApi(token=who).auth_check(repo),
    ):
        error = raises(utils.GatedRepoError, call)
        assert "restricted and you are not in the authorized list" in str(error), error


def allowed(folder):
    path = hf_hub_download(repo, "n.txt", token=token, cache_dir=folder)
    assert content(path) == b"1"
    path = hf_hub_download(repo, "w.safetensors", token=token, cache_dir=folder)
    assert content(path) == adapter(3)
    theirs.auth_check(repo)


refused()
refused(False, "anonymous")
assert ModelCard.load(repo, token=token).data.extra_gated_fields == {"Company": "text"}
api.auth_check(repo)
assert content(hf_hub_download(repo, "n.txt", cache_dir="own")) == b"1"

# Asking is for browsers; the clients have no call for it.
headers = {"Authorization": f"Bearer {token}"}
answer = utils.get_session().post(
    f"{api.endpoint}/api/hub/v1/repos/{repo}/access",
    headers=headers,
    json={"fields": {"Company": "Glass Works"}},
)
assert answer.json()["status"] == "pending", answer.text
refused()
(request,) = api.list_pending_access_requests(repo)
assert (request.username, request.status) == (name, "pending")
assert request.fields == {"Company": "Glass Works"}
assert request.timestamp.tzinfo is not None
raises(utils.HfHubHTTPError, lambda: list(theirs.list_pending_access_requests(repo)))
api.accept_access_request(repo, name)
assert [one.username for one in api.list_accepted_access_requests(repo)] == [name]
assert list(api.list_pending_access_requests(repo)) == []
allowed("accepted")
again = raises(utils.HfHubHTTPError, api.accept_access_request, repo, name)
assert again.response.status_code == 404
api.cancel_access_request(repo, name)
refused()
if VERSION >= (2, 0):
    (request,) = api.list_pending_access_requests(repo)
    api.reject_access_request(repo, request_id=request.request_id, rejection_reason="No.")
else:
    api.reject_access_request(repo, name, rejection_reason="No.")
assert [one.username for one in api.list_rejected_access_requests(repo)] == [name]
refused()
api.grant_access(repo, name)
allowed("granted")
again = raises(utils.HfHubHTTPError, api.grant_access, repo, name)
assert again.response.status_code == 400
absent = raises(utils.HfHubHTTPError, api.grant_access, repo, "no-such-name")
assert absent.response.status_code == 404

api.update_repo_settings(repo, gated=False)
assert theirs.model_info(repo).gated is False
assert content(hf_hub_download(repo, "n.txt", token=False, cache_dir="open")) == b"1"
