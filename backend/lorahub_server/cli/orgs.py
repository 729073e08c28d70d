"""`lorahub-server orgs add|members|set-role|remove`: for whoever runs the hub."""

import click

from lorahub_server.accounts import listing, members, organizations
from lorahub_server.accounts.roles import ROLES
from lorahub_server.cli.common import load_settings, open_database, plain_errors


@click.group("orgs")
def command() -> None:
    """Make organisations; see and change who belongs to them."""


@command.command("add")
@click.argument("name")
@click.option("--admin", required=True, help="The user who becomes its administrator.")
def add(name: str, admin: str) -> None:
    """Make the organisation NAME."""
    with plain_errors(), open_database(load_settings()).write() as session:
        organizations.create(session, listing.user(session, admin), name)
    click.echo(f"The organisation {name} is made; {admin} is its administrator.", err=True)


@command.command("members")
@click.argument("name")
def show(name: str) -> None:
    """Show who belongs to the organisation NAME, and their roles."""
    with plain_errors(), open_database(load_settings()).read() as session:
        org = members.get_organization(session, name)
        for member in members.members_of(session, org, None, members.MEMBERS_MAX):
            click.echo(f"{member.account.name:<39}  {member.role}")


@command.command("set-role")
@click.argument("name")
@click.argument("member")
@click.argument("role", type=click.Choice(ROLES))
def set_role(name: str, member: str, role: str) -> None:
    """Make MEMBER a member of the organisation NAME with ROLE, or change the role.

    Helps where an organisation has lost its administrators.
    """
    with plain_errors(), open_database(load_settings()).write() as session:
        org = members.get_organization(session, name)
        members.set_role(session, org, listing.user(session, member), role)
    click.echo(f"{member} has the role {role} in {name}.", err=True)


@command.command("remove")
@click.argument("name")
@click.argument("member")
def remove(name: str, member: str) -> None:
    """End the membership of MEMBER in the organisation NAME."""
    with plain_errors(), open_database(load_settings()).write() as session:
        org = members.get_organization(session, name)
        members.remove(session, org, listing.user(session, member))
    click.echo(f"{member} is no member of {name} any more.", err=True)
