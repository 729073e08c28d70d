"""What a repository and one commit may hold. Sizes in bytes."""

# As many as there can be files: some clients send a whole folder as one commit.
OPERATIONS_MAX = 10_000
# Of all files that ride in one commit.
INLINE_TOTAL_MAX = 128 * 1024 * 1024
MESSAGE_MAX = 16 * 1024
TITLE_MAX = 200  # characters of the first line that lists show

FILES_MAX = 10_000
# Branches and tags together; they are listed without pages.
REFS_MAX = 1000
REPOS_MAX = 10_000  # of one account

CONFIG_MAX = 256 * 1024

# Of a fork: the git objects that it copies, and how many an account makes in an hour.
FORK_MAX = 512 * 1024 * 1024
FORKS_HOURLY_MAX = 60

COMMITS_PAGE_MAX = 100

# Of one push by git, as it arrives and unpacked.
PACK_MAX = 256 * 1024 * 1024
UNPACKED_MAX = 512 * 1024 * 1024
PACK_OBJECTS_MAX = 100_000
COMMIT_MAX = 256 * 1024
TREE_MAX = 4 * 1024 * 1024
# Lines of trees that are compared, and changed files that are looked at.
PUSH_LINES_MAX = 20_000_000
PUSH_FILES_MAX = 200_000
