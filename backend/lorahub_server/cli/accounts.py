"""`lorahub-server accounts add`."""

import sys

import click

from lorahub_server.accounts import service, tokens
from lorahub_server.cli.common import load_settings, open_database, plain_errors


@click.group("accounts")
def command() -> None:
    """Make accounts."""


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


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Give the password on standard input and say --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
