"""Merges pull requests of one's own repository. Arguments: it, and the numbers."""

from common import ARGS, api, raises, tell
from huggingface_hub import utils

repo, *nums = ARGS
for num in (int(text) for text in nums):
    api.merge_pull_request(repo, num, comment="Thank you")
    details = api.get_discussion_details(repo, num)
    assert details.status == "merged"
    assert details.merge_commit_oid == api.repo_info(repo).sha
    assert [event.type for event in details.events[-2:]] == ["comment", "status-change"]
    assert details.events[-1].new_status == "merged"
again = raises(utils.HfHubHTTPError, api.merge_pull_request, repo, int(nums[0]))
assert again.response.status_code == 409
assert "merged" in str(again)

# Both sides change a file: who merges is told which.
made = api.upload_file(
    path_or_fileobj=b"mine", path_in_repo="both.txt", repo_id=repo, create_pr=True
)
api.upload_file(path_or_fileobj=b"other", path_in_repo="both.txt", repo_id=repo)
assert api.get_discussion_details(repo, made.pr_num).conflicting_files == ["both.txt"]
refused = raises(utils.HfHubHTTPError, api.merge_pull_request, repo, made.pr_num)
assert "both.txt" in str(refused)
tell(files=sorted(api.list_repo_files(repo)))
