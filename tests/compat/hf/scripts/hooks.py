"""Webhooks of mine. Arguments: the repository, the receiver's address."""

from common import ARGS, api, raises, tell
from huggingface_hub import HfApi, WebhookWatchedItem, utils

repo, url = ARGS
me = repo.split("/")[0]
made = api.create_webhook(
    watched=[{"type": "user", "name": me}, WebhookWatchedItem(type="org", name=me)][:1],
    url=url,
    domains=["repo", "discussions"],
    secret="shared-secret",
)
assert made.url == url
assert made.watched == [WebhookWatchedItem(type="user", name=me)]
assert made.domains == ["repo", "discussion"]
assert not made.disabled
found = api.get_webhook(made.id)
assert (found.id, found.url, found.secret) == (made.id, url, None)
assert made.id in [one.id for one in api.list_webhooks()]
assert api.disable_webhook(made.id).disabled
assert not api.enable_webhook(made.id).disabled
api.create_repo(repo)
changed = api.update_webhook(made.id, watched=[{"type": "model", "name": repo}], url=url)
assert changed.watched == [WebhookWatchedItem(type="model", name=repo)]
api.upload_file(path_or_fileobj=b"1", path_in_repo="n.txt", repo_id=repo)
refused = raises(
    utils.HfHubHTTPError,
    api.create_webhook,
    watched=[{"type": "dataset", "name": repo}],
    url=url,
)
assert refused.response.status_code == 422
assert "dataset" in str(refused)
refused = raises(
    utils.HfHubHTTPError,
    api.create_webhook,
    watched=[{"type": "user", "name": me}],
    url="http://10.0.0.1/",
)
assert "private network" in str(refused)
other = api.create_webhook(watched=[{"type": "user", "name": me}], url=url)
api.delete_webhook(other.id)
gone = raises(utils.HfHubHTTPError, api.get_webhook, other.id)
assert gone.response.status_code == 404
raises(utils.HfHubHTTPError, HfApi(token=False).list_webhooks)
tell(id=made.id, sha=api.model_info(repo).sha)
