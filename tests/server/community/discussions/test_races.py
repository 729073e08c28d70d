"""Several people at once, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lorahub_server.community.discussions.errors import MergeConflict, WrongStatus
from lorahub_server.kit.errors import HubError
from support.git import Git


def together(*acts: Callable[[], object]) -> list[object]:
    """Do all of these at the same moment; return what each returned or refused with."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except HubError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def sound(talk, tmp_path):
    with talk.hub.look() as tx:
        from lorahub_server.repos import service as repos

        repo_id = repos.get_repo(tx, "alice", "style").id
    git = Git(tmp_path / "clone").take(talk.hub.db, repo_id)
    git.check()
    return git


def test_two_merges_of_one(each_talk, tmp_path):
    talk = each_talk
    talk.hub.caller("bob")
    num = talk.open({"x": b"1"})
    done = together(lambda: talk.merge(num), lambda: talk.merge(num))
    assert sorted(type(one) for one in done if one is not None) == [WrongStatus]
    git = sound(talk, tmp_path)
    assert git.run("rev-list", "--count", "main").strip() == "3"
    kinds = [kind for kind, *_ in talk.events(num)]
    assert kinds.count("status-change") == 1


def test_two_that_change_the_same_file(each_talk, tmp_path):
    talk = each_talk
    nums = [talk.open({"a.txt": b"%d" % n}) for n in range(2)]
    done = together(*(lambda num=num: talk.merge(num) for num in nums))
    assert sorted(type(one).__name__ for one in done) == ["MergeConflict", "NoneType"]
    won = nums[done.index(None)]
    assert [talk.status(num) for num in nums] == [
        "merged" if num == won else "open" for num in nums
    ]
    sound(talk, tmp_path)


def test_two_that_change_different_files(each_talk, tmp_path):
    talk = each_talk
    nums = [talk.open({f"{n}.txt": b"x"}) for n in range(2)]
    assert together(*(lambda num=num: talk.merge(num) for num in nums)) == [None, None]
    assert (talk.read("0.txt"), talk.read("1.txt")) == (b"x", b"x")
    sound(talk, tmp_path)


def test_a_commit_while_it_is_merged(each_talk, tmp_path):
    """To the branch, and to the pull request: all of it is in one history, or was refused."""
    talk = each_talk
    num = talk.open({"x": b"1"})
    done = together(
        lambda: talk.merge(num),
        lambda: talk.hub.commit({"y": b"2"}),
        lambda: talk.add(num, {"z": b"3"}),
    )
    assert not isinstance(done[0], HubError)
    assert not isinstance(done[1], HubError)
    assert (talk.read("x"), talk.read("y")) == (b"1", b"2")
    if isinstance(done[2], HubError):
        assert isinstance(done[2], WrongStatus)
        assert talk.read("z") is None
    else:
        assert talk.read("z") == b"3"
    sound(talk, tmp_path)


def test_numbers_are_given_once(each_talk):
    talk = each_talk
    talk.hub.caller("bob")
    nums = together(*([talk.begin] * 3), *([lambda: talk.open({"x": b"1"})] * 3))
    assert sorted(nums) == [1, 2, 3, 4, 5, 6]


def test_closed_while_it_is_merged(each_talk):
    from lorahub_server.community.discussions import service

    talk = each_talk
    num = talk.open({"x": b"1"})
    talk.hub.caller("bob")
    done = together(
        lambda: talk.merge(num),
        lambda: talk.call("bob", service.set_status, num, "closed") and None,
    )
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "WrongStatus"]
    assert (talk.status(num) == "merged") == (talk.read("x") == b"1")
    assert not any(isinstance(one, MergeConflict) for one in done)
