"""Discussions and pull requests. Arguments: the repository, which is another's."""

from pathlib import Path

from common import ARGS, adapter, api, raises, tell
from huggingface_hub import CommitOperationAdd, hf_hub_download, utils

(repo,) = ARGS
main = api.repo_info(repo).sha

# A discussion.
thread = api.create_discussion(repo, " A question ", description="What *is* it?")
assert (thread.title, thread.status, thread.is_pull_request) == ("A question", "open", False)
assert thread.author == "bob"
assert thread.repo_id == repo
assert thread.url == f"{api.endpoint}/{repo}/discussions/{thread.num}"
assert thread.git_reference is thread.diff is thread.target_branch is None
(event,) = thread.events
assert (event.type, event.content, event.edited, event.hidden) == (
    "comment",
    "What *is* it?",
    False,
    False,
)
assert "<em>is</em>" in event.rendered
assert event.number_of_edits == 0
comment = api.comment_discussion(repo, thread.num, "A **comment**")
assert comment.author == "bob"
edited = api.edit_discussion_comment(repo, thread.num, comment.id, "Another")
assert (edited.content, edited.edited, edited.number_of_edits) == ("Another", True, 1)
assert edited.last_edited_by == "bob"
assert edited.last_edited_at >= comment.created_at
hidden = api.hide_discussion_comment(repo, thread.num, comment.id)
assert hidden.hidden
assert "Another" not in hidden.content
change = api.rename_discussion(repo, thread.num, "Another question")
assert (change.old_title, change.new_title) == ("A question", "Another question")
change = api.change_discussion_status(repo, thread.num, "closed", comment="I know now")
assert change.new_status == "closed"
details = api.get_discussion_details(repo, thread.num)
assert [event.type for event in details.events] == [
    "comment",
    "comment",
    "title-change",
    "comment",
    "status-change",
]
assert details.status == "closed"
assert details.title == "Another question"

# A pull request that begins empty.
draft = api.create_pull_request(repo, "A draft")
assert (draft.status, draft.is_pull_request, draft.num) == ("draft", True, thread.num + 1)
assert draft.target_branch == "refs/heads/main"
assert draft.conflicting_files == []
assert draft.git_reference == f"refs/pr/{draft.num}"
ref = draft.git_reference
weights = adapter(81, width=100_000)
api.upload_file(path_or_fileobj=weights, path_in_repo="w.safetensors", repo_id=repo, revision=ref)
api.upload_file(path_or_fileobj=b"two\n", path_in_repo="a.txt", repo_id=repo, revision=ref)
assert Path(hf_hub_download(repo, "w.safetensors", revision=ref)).read_bytes() == weights
details = api.get_discussion_details(repo, draft.num)
assert "+two" in details.diff
assert [event.type for event in details.events] == ["comment", "commit", "commit"]
assert details.events[2].oid == api.repo_info(repo, revision=ref).sha
assert details.events[2].summary.startswith("Upload a.txt")
assert [one.title for one in api.list_repo_commits(repo, revision=ref)][:2] == [
    event.summary for event in reversed(details.events[1:])
]
api.super_squash_history(repo, branch=ref, commit_message="One commit")
assert [one.title for one in api.list_repo_commits(repo, revision=ref)] == ["One commit"]
assert "+two" in api.get_discussion_details(repo, draft.num).diff
refused = raises(utils.HfHubHTTPError, api.merge_pull_request, repo, draft.num)
assert refused.response.status_code == 403
assert api.change_discussion_status(repo, draft.num, "open").new_status == "open"

# One that is opened by a commit: of small files, of large ones, of a folder, of the card.
made = api.create_commit(
    repo,
    [CommitOperationAdd("b.txt", b"b"), CommitOperationAdd("b.safetensors", adapter(82))],
    commit_message="Two files",
    commit_description="Very *good* ones",
    create_pr=True,
)
assert made.pr_num == draft.num + 1
assert made.pr_revision == f"refs/pr/{made.pr_num}"
assert made.pr_url == f"{api.endpoint}/{repo}/discussions/{made.pr_num}"
assert made.repo_url.repo_id == repo
details = api.get_discussion_details(repo, made.pr_num)
assert (details.status, details.title) == ("open", "Two files")
assert details.events[0].content == "Very *good* ones"
assert (details.events[1].oid, details.events[1].summary) == (made.oid, "Two files")
folder = Path("folder")
folder.mkdir()
(folder / "c.txt").write_bytes(b"c")
(folder / "c.safetensors").write_bytes(adapter(83, width=50_000))
uploaded = api.upload_folder(
    repo_id=repo, folder_path=folder, create_pr=True, commit_message="A folder"
)
folder_pr = uploaded.pr_num
assert folder_pr == made.pr_num + 1
# From 1.20 on such a one comes as a draft, in several commits if it must.
if api.get_discussion_details(repo, folder_pr).status == "draft":
    api.change_discussion_status(repo, folder_pr, "open")
assert {"c.txt", "c.safetensors"} < set(api.list_repo_files(repo, revision=f"refs/pr/{folder_pr}"))
card_pr = api.upload_file(
    path_or_fileobj=b"---\nlicense: mit\n---\n# Card\n",
    path_in_repo="README.md",
    repo_id=repo,
    create_pr=True,
).pr_num
assert api.get_discussion_details(repo, card_pr).is_pull_request
refused = raises(
    utils.HfHubHTTPError,
    api.upload_file,
    path_or_fileobj=b"x",
    path_in_repo="x.txt",
    repo_id=repo,
)
assert refused.response.status_code == 403
raises(
    utils.HfHubHTTPError, api.create_commit, repo, [CommitOperationAdd("b.txt", b"c")],
    commit_message="x", parent_commit=main, revision=made.pr_revision,
)  # fmt: skip

# Lists, and that nothing of it is on the main branch.
assert [one.num for one in api.get_repo_discussions(repo)] == list(range(card_pr, 0, -1))
pulls = list(api.get_repo_discussions(repo, discussion_type="pull_request"))
assert [one.num for one in pulls] == list(range(card_pr, thread.num, -1))
closed = api.get_repo_discussions(repo, discussion_status="closed", author="bob")
assert [one.num for one in closed] == [thread.num]
assert list(api.get_repo_discussions(repo, author="nobody")) == []
refs = api.list_repo_refs(repo, include_pull_requests=True)
assert {one.ref for one in refs.pull_requests} == {one.git_reference for one in pulls}
assert [one.name for one in api.list_repo_refs(repo).branches] == ["main"]
assert api.repo_info(repo).sha == main
raises(utils.HfHubHTTPError, api.get_discussion_details, repo, 999)
tell(draft=draft.num, made=made.pr_num, folder=folder_pr, card=card_pr, discussion=thread.num)
