"""An organisation and its people. Arguments: the organisation, a member who only reads."""

from common import ARGS, VERSION, api, content, raises
from huggingface_hub import HfApi, hf_hub_download, utils

org, reader, reader_token = ARGS
me = api.whoami()
(mine,) = [one for one in me["orgs"] if one["name"] == org]
assert mine["roleInOrg"] == "admin"
assert mine["fullname"] == "The Studio"
assert mine["avatarUrl"].startswith("http")

repo = f"{org}/shared"
assert api.create_repo(repo, private=True).repo_id == repo
assert api.create_repo(repo, exist_ok=True).repo_id == repo
api.upload_file(path_or_fileobj=b"1", path_in_repo="n.txt", repo_id=repo)
assert [model.id for model in api.list_models(author=org)] == [repo]
assert list(HfApi(token=False).list_models(author=org)) == []

theirs = HfApi(token=reader_token)
assert [model.id for model in theirs.list_models(author=org)] == [repo]
assert theirs.model_info(repo).private
path = hf_hub_download(repo, "n.txt", token=reader_token, cache_dir="theirs")
assert content(path) == b"1"
refused = raises(utils.HfHubHTTPError, theirs.upload_file, path_or_fileobj=b"2",
                 path_in_repo="n.txt", repo_id=repo)  # fmt: skip
assert refused.response.status_code == 403
refused = raises(utils.HfHubHTTPError, theirs.create_repo, f"{org}/no")
assert refused.response.status_code == 403
assert org in str(refused)
raises(utils.RepositoryNotFoundError, HfApi(token=False).model_info, repo)

own = f"{me['name']}/{org}-moved"
api.move_repo(repo, own)
assert api.model_info(repo).id == own
raises(utils.RepositoryNotFoundError, theirs.model_info, own)
raises(utils.RepositoryNotFoundError, theirs.model_info, repo)
api.move_repo(own, repo)
assert api.model_info(own).id == repo

overview = api.get_user_overview(me["name"])
assert overview.username == me["name"]
assert org in [one.name if hasattr(one, "name") else one["name"] for one in overview.orgs]
assert overview.num_followers == 1
assert overview.num_following == 0
assert theirs.get_user_overview(me["name"]).is_following
assert not overview.is_following
assert [user.username for user in api.list_user_followers(me["name"])] == [reader]
assert {user.username for user in api.list_user_following(reader)} == {me["name"], org}
assert {user.username for user in api.list_organization_members(org)} == {me["name"], reader}
if VERSION >= (1, 0):
    told = api.get_organization_overview(org)
    assert (told.name, told.fullname, told.num_users) == (org, "The Studio", 2)
    assert (told.num_models, told.num_followers) == (1, 1)
    assert HfApi(token=False).get_organization_overview(org).num_models == 0
    assert [user.username for user in api.list_organization_followers(org)] == [reader]
    missing = raises(utils.HfHubHTTPError, api.get_organization_overview, "no-such-org")
    assert missing.response.status_code == 404
for ask in (api.list_organization_members, api.list_user_followers, api.list_user_following):
    missing = raises(utils.HfHubHTTPError, lambda ask=ask: list(ask("no-such-name")))
    assert missing.response.status_code == 404
missing = raises(utils.HfHubHTTPError, api.get_user_overview, "no-such-name")
assert missing.response.status_code == 404
