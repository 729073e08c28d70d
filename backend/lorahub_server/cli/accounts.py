"""`lorahub-server accounts add|list|reset-password|disable|enable`."""

import json
import sys

import click

from lorahub_server.accounts import listing, service, tokens
from lorahub_server.accounts.tables import Account
from lorahub_server.cli.common import load_settings, open_database, plain_errors
from lorahub_server.kit.clock import iso


@click.group("accounts")
def command() -> None:
    """Make accounts; list them, reset a password, lock somebody out."""


@command.command("add")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="The account may administer the hub.")
@click.option("--token", "with_token", is_flag=True, help="Also make a token and print it.")
def add(name: str, password_stdin: bool, admin: bool, with_token: bool) -> None:
    """Make the account NAME.

    With --token the last line of standard output is an API token with the scopes read and write.
    """
    settings = load_settings()
    password = _password(from_stdin=password_stdin)
    token = None
    with plain_errors(), open_database(settings).write() as session:
        account = service.create_account(session, name, password, is_admin=admin)
        if with_token:
            _, token = tokens.create_token(
                session, settings, account, "made on the command line", ["read", "write"]
            )
    click.echo(f"The account {name} is made.", err=True)
    if token is not None:
        click.echo(token)


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--after", default="", help="Go on behind this name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_command(limit: int, after: str, as_json: bool) -> None:
    """Show users and organisations by name, the deleted ones left out."""
    with plain_errors(), open_database(load_settings()).read() as session:
        for account in listing.accounts(session, after=after, limit=limit):
            click.echo(json.dumps(_facts(account)) if as_json else _line(account))


@command.command("reset-password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--revoke-tokens", is_flag=True, help="Also revoke all of the account's tokens.")
def reset_password(name: str, password_stdin: bool, revoke_tokens: bool) -> None:
    """Give the account NAME a new password, and sign it out everywhere."""
    settings = load_settings()
    password = _password(from_stdin=password_stdin)
    with plain_errors(), open_database(settings).write() as session:
        account = listing.user(session, name)
        service.set_password(session, account, password)
        if revoke_tokens:
            tokens.revoke_all(session, account)
    click.echo(f"{account.name} has a new password and is signed out everywhere.", err=True)


@command.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Lock the account NAME out: no sign-in, and its tokens rest. What it published stays."""
    _set_disabled(name, disabled=True)


@command.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Let the account NAME in again; its tokens work as before."""
    _set_disabled(name, disabled=False)


def _set_disabled(name: str, *, disabled: bool) -> None:
    with plain_errors(), open_database(load_settings()).write() as session:
        account = listing.user(session, name)
        service.set_disabled(session, account, disabled=disabled)
    click.echo(f"{account.name} is {'disabled' if disabled else 'enabled'}.", err=True)


def _facts(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "kind": account.kind,
        "is_admin": account.is_admin,
        "disabled": account.disabled_at is not None,
        "created_at": iso(account.created_at),
    }


def _line(account: Account) -> str:
    marks = [
        mark
        for mark, is_on in (
            ("organisation", account.is_organization),
            ("administrator", account.is_admin),
            ("disabled", account.disabled_at is not None),
        )
        if is_on
    ]
    line = f"{account.name:<39}  {account.created_at:%Y-%m-%d}  {', '.join(marks)}"
    return line.rstrip()


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Give the password on standard input and say --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
