"""Several clients at once, on one branch."""


def test_commits_at_the_same_time(make_client, crowd, alice, name, together):
    together(make_client, crowd, alice, name)
