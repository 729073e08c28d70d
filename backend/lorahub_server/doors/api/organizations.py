"""Organisations and who belongs to them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel

from lorahub_server.access import Tx
from lorahub_server.accounts.members import Member
from lorahub_server.accounts.roles import Role
from lorahub_server.accounts.tables import Account
from lorahub_server.community import orgs
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Cursor, Limit, Text, Time, example

router = APIRouter(prefix="/organizations", tags=["organizations"])

Name = Annotated[str, Path(description="The organisation's.", examples=["studio"])]
MemberName = Annotated[str, Path(description="A user's.", examples=["bob"])]
_ORG = {
    "name": "studio",
    "display_name": "The Studio",
    "bio": "We paint together.",
    "website": "https://studio.example",
    "members": 2,
    "role": "admin",
    "created_at": "2026-01-31T12:00:00Z",
}
_MEMBER = {
    "name": "bob",
    "display_name": "Bob",
    "role": "write",
    "since": "2026-01-31T12:00:00Z",
}


class OrgOut(BaseModel):
    """`role` is the caller's."""

    name: str
    display_name: str
    bio: str
    website: str
    members: int
    role: Role | None
    created_at: Time

    model_config = example(_ORG)


class NewOrg(BaseModel):
    name: Text
    display_name: Text = ""

    model_config = example({"name": "studio", "display_name": "The Studio"})


class OrgChange(BaseModel):
    display_name: Text | None = None
    bio: Text | None = None
    website: Text | None = None

    model_config = example({"bio": "We paint together."})


class MemberOut(BaseModel):
    """`role` is told to members only."""

    name: str
    display_name: str
    role: Role | None
    since: Time

    model_config = example(_MEMBER)


class MemberList(BaseModel):
    items: list[MemberOut]
    next: str | None

    model_config = example({"items": [_MEMBER], "next": None})


class RoleWish(BaseModel):
    role: Literal["read", "contributor", "write", "admin"]

    model_config = example({"role": "write"})


@router.post("", summary="Make an organisation", status_code=201)
def create(tx: WriteTx, wish: NewOrg) -> OrgOut:
    """Its name is a name like those of users. Whoever makes it is its first administrator."""
    return _out(tx, orgs.create(tx, wish.name, display_name=wish.display_name))


@router.get("/{name}", summary="Show an organisation")
def show(tx: ReadTx, name: Name) -> OrgOut:
    """Everybody may know of it; what it has that is private, only members see."""
    return _out(tx, orgs.get(tx, name))


@router.patch("/{name}", summary="Describe an organisation")
def change(tx: WriteTx, name: Name, wish: OrgChange) -> OrgOut:
    """For its administrators."""
    org = orgs.get(tx, name)
    orgs.edit(tx, org, display_name=wish.display_name, bio=wish.bio, website=wish.website)
    return _out(tx, org)


@router.delete("/{name}", summary="Delete an organisation", status_code=204)
def delete(tx: WriteTx, name: Name) -> None:
    """For its administrators; 409 `not_empty` while it has repositories. Its name stays taken."""
    orgs.delete(tx, orgs.get(tx, name))


@router.get("/{name}/members", summary="List the members")
def list_members(tx: ReadTx, name: Name, limit: Limit = 30, cursor: Cursor = None) -> MemberList:
    """By name. Who may do what is told to members only."""
    org = orgs.get(tx, name)
    found = orgs.members_of(tx, org, cursor, limit)
    with_roles = orgs.sees_roles(tx, org)
    items = [_member(one, with_role=with_roles) for one in found.items]
    return MemberList(items=items, next=found.next_cursor)


@router.put("/{name}/members/{member}", summary="Add a member, or change a role")
def set_member(tx: WriteTx, name: Name, member: MemberName, wish: RoleWish) -> MemberOut:
    """For administrators. Adding grants rights at once; whoever doesn't want them can leave.

    `read` sees private repositories; `contributor` also makes repositories and changes these;
    `write` changes all of them; `admin` also the organisation and its members.
    """
    return _member(orgs.set_member(tx, orgs.get(tx, name), member, wish.role), with_role=True)


@router.delete("/{name}/members/{member}", summary="Remove a member, or leave", status_code=204)
def remove_member(tx: WriteTx, name: Name, member: MemberName) -> None:
    """Everybody may remove themselves; the last administrator can't (409 `last_admin`)."""
    orgs.remove_member(tx, orgs.get(tx, name), member)


def _out(tx: Tx, org: Account) -> OrgOut:
    return OrgOut(
        name=org.name,
        display_name=org.display_name,
        bio=org.bio,
        website=org.website,
        members=orgs.count_members(tx, org),
        role=orgs.role_in(tx, org),
        created_at=org.created_at,
    )


def _member(member: Member, *, with_role: bool) -> MemberOut:
    return MemberOut(
        name=member.account.name,
        display_name=member.account.display_name,
        role=member.role if with_role else None,
        since=member.since,
    )
