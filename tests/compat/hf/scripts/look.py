"""Asks about models, files and history. Arguments: the repository, its author's other ones."""

from common import ARGS, VERSION, adapter, api, raises, tell
from huggingface_hub import utils

repo, *others = ARGS
author = repo.split("/")[0]

info = api.model_info(repo, files_metadata=True, securityStatus=True)
assert (info.id, info.author, info.private, info.gated, info.disabled) == (
    repo,
    author,
    False,
    False,
    False,
)
assert info.last_modified.year >= 2024
assert info.created_at <= info.last_modified
assert info.card_data.license == "mit"
assert info.card_data.base_model == "some/base"
assert {"style", "base_model:some/base", "base_model:adapter:some/base", "license:mit"} <= set(
    info.tags
)
siblings = {sibling.rfilename: sibling for sibling in info.siblings}
assert list(siblings) == sorted(siblings) == sorted(api.list_repo_files(repo))
weights = siblings["weights.safetensors"]
assert (weights.size, weights.lfs.size) == (len(adapter(1)), len(adapter(1)))
assert len(weights.lfs.sha256) == 64
assert info.safetensors.total == 32
assert info.safetensors.parameters == {"F32": 32}
few = api.model_info(repo, expand=["downloads", "likes", "sha", "safetensors"])
assert (few.sha, few.author, few.siblings) == (info.sha, None, None)
refused = raises(utils.HfHubHTTPError, api.model_info, repo, expand=["nonsense"])
assert '"expand" must be one of [' in str(refused)
assert api.model_info(repo, revision=info.sha).sha == info.sha
assert api.repo_info(repo, revision="main").sha == info.sha

found = [model.id for model in api.list_models(author=author, search="listed", sort="created_at", limit=2)] \
    if VERSION >= (1, 0) else [model.id for model in api.list_models(author=author, search="listed", limit=2)]  # fmt: skip
assert len(found) == 2
every = [model.id for model in api.list_models(author=author, search="listed")]
assert set(others) <= set(every)
assert len(every) == len(set(every)) > 100, "more than a page"
adapters = list(
    api.list_models(filter="base_model:adapter:some/base", full=True, cardData=True, author=author)
)
mine = next(model for model in adapters if model.id == repo)
assert mine.sha == info.sha
assert mine.card_data.license == "mit"
assert [sibling.rfilename for sibling in mine.siblings] == list(siblings)
assert repo in [
    model.id for model in api.list_models(filter=["license:mit", "style"], author=author)
]
assert not list(api.list_models(filter="license:agpl-3.0", author=author))
expanded = next(iter(api.list_models(author=author, search=repo.split("/")[1], expand=["sha"])))
assert (expanded.id, expanded.sha, expanded.tags) == (repo, info.sha, None)

tree = list(api.list_repo_tree(repo, recursive=True, expand=True))
assert [item.path for item in tree] == [".gitattributes", "README.md", "d", "d/e", "d/e/f.txt",
                                        "weights.safetensors"]  # fmt: skip
kinds = [type(item).__name__ for item in tree]
assert kinds == ["RepoFile", "RepoFile", "RepoFolder", "RepoFolder", "RepoFile", "RepoFile"]
assert tree[0].last_commit.title == "initial commit"
assert tree[5].last_commit.oid == info.sha
assert tree[5].security.safe
assert tree[5].lfs.sha256 == weights.lfs.sha256
assert [item.path for item in api.list_repo_tree(repo, "d/e")] == ["d/e/f.txt"]
raises(utils.EntryNotFoundError, lambda: list(api.list_repo_tree(repo, "nothing")))
raises(utils.RevisionNotFoundError, lambda: list(api.list_repo_tree(repo, revision="nothing")))
paths = api.get_paths_info(repo, ["weights.safetensors", "nothing", "d", "d/e/f.txt"], expand=True)
assert [item.path for item in paths] == ["weights.safetensors", "d", "d/e/f.txt"]
assert paths[0] == tree[5]

api.auth_check(repo)
if VERSION >= (2, 0):
    api.auth_check(repo, write=True)
assert api.repo_exists(repo)
assert not api.repo_exists(repo + "-not")
assert not api.repo_exists(repo, repo_type="dataset")
assert not api.repo_exists("gpt2")
assert api.revision_exists(repo, "main")
assert not api.revision_exists(repo, "nothing")
assert api.file_exists(repo, "d/e/f.txt")
assert not api.file_exists(repo, "d/nothing")

commits = api.list_repo_commits(repo, formatted=True)
assert [commit.title for commit in commits][-1] == "initial commit"
assert commits[0].authors == [author]
assert commits[0].formatted_title == commits[0].title
user = api.get_user_overview(author)
assert (user.username, user.user_type) == (author, "user") or VERSION < (1, 0)
assert user.num_models > 100
assert list(api.list_user_followers(author)) == []
likes = api.list_liked_repos(author)
assert repo in likes.models
assert [liker.username for liker in api.list_repo_likers(repo)] == [author]
api.unlike(repo)
assert api.model_info(repo).likes == 0
tell(sha=info.sha)
