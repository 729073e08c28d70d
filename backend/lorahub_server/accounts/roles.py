"""What a member of an organisation may do, under the names that Hugging Face gives the roles.

read: see its private repositories; contributor: also make repositories and write to these;
write: change every repository; admin: also the organisation and its members.
"""

from typing import Literal, cast, get_args

Role = Literal["read", "contributor", "write", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
# Who may make repositories in an organisation, and who may change any of them.
MAKERS = frozenset({"contributor", "write", "admin"})
WRITERS = frozenset({"write", "admin"})


def is_role(text: str) -> bool:
    return text in ROLES


def known(text: str) -> Role:
    """Return a stored role; raises ValueError for what is none."""
    if not is_role(text):
        raise ValueError(text)
    return cast("Role", text)
