"""`lorahub-server bases add|list|remove|check`: the base models that previews are made with."""

from typing import Any

import click
from pydantic import ValidationError

from lorahub_server.cli.common import load_settings, open_database, plain_errors
from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.schemas import SCHEDULERS, NewBase
from lorahub_server.kit.clock import ago


@click.group("bases")
def command() -> None:
    """Say with which base models workers render previews."""


@command.command("add")
@click.argument("base_id", metavar="ID")
@click.option("--family", required=True, help="The family of adapters it is for: sd1, sdxl ...")
@click.option(
    "--source",
    required=True,
    help="A folder or .safetensors file on the workers, owner/name of this hub, "
    "or https://host/owner/name of another.",
)
@click.option("--title", default="", help="Its name for people [ID].")
@click.option("--revision", default="", help="Of a repository: branch, tag or commit.")
@click.option("--task", type=click.Choice(["image", "text"]), help="[what the family makes]")
@click.option("--dtype", type=click.Choice(["auto", "fp32", "fp16", "bf16"]), default="auto")
@click.option("--scheduler", type=click.Choice(SCHEDULERS[1:]), help="[the base's own]")
@click.option("--steps", type=int, default=20, show_default=True)
@click.option("--guidance", type=float, default=5.0, show_default=True)
@click.option("--guidance-rescale", type=float, default=0.0, show_default=True)
@click.option("--width", type=int, default=512, show_default=True)
@click.option("--height", type=int, default=512, show_default=True)
@click.option("--negative", default="", help="The negative prompt of previews.")
@click.option("--license", help="The base's licence: apache-2.0 ...")
def add(base_id: str, **options: Any) -> None:
    """Register the base model ID. Workers look for it within a minute."""
    told = {name: value for name, value in options.items() if value is not None}
    try:
        wanted = NewBase(id=base_id, **told)
    except ValidationError as error:
        raise click.ClickException(_first(error)) from error
    with plain_errors(), open_database(load_settings()).write() as session:
        registry.add(session, wanted)
    click.echo(f"Workers render adapters of the family {wanted.family} with {base_id}.", err=True)


@command.command("list")
def show() -> None:
    """Show the base models: name, family, how many workers hold it, source."""
    with plain_errors(), open_database(load_settings()).read() as session:
        for one in registry.list_bases(session):
            count = len(one.holders)
            held = f"{count} worker{'s' * (count > 1)}" if count else "nobody has it"
            off = "" if one.base.enabled else " (off)"
            where = f"{one.base.endpoint}/" if one.base.endpoint else ""
            click.echo(
                f"{one.base.id:<20}  {one.base.family:<12}  {held:<13}  "
                f"{where}{one.base.source}{off}"
            )


@command.command("check")
def check() -> None:
    """Show what each worker says of the base models that it holds."""
    missing = False
    with plain_errors(), open_database(load_settings()).read() as session:
        for one in registry.list_bases(session):
            missing |= one.base.enabled and not one.holders
            click.echo(f"{one.base.id}: {one.base.title}, for {one.base.family}")
            for holder in one.holders:
                click.echo(
                    f"  {holder.worker}  {holder.device}  {holder.dtype}  "
                    f"weights {holder.digest[:10]}  {ago(holder.seen_at)}"
                )
            if not one.holders:
                click.echo("  no worker holds it; their logs say why")
    if missing:
        raise SystemExit(1)


@command.command("remove")
@click.argument("base_id", metavar="ID")
def remove(base_id: str) -> None:
    """Take the base model ID from the registry. What was rendered with it stays."""
    with plain_errors(), open_database(load_settings()).write() as session:
        registry.remove(session, base_id)
    click.echo(f"{base_id} is gone from the registry.", err=True)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    name = "-".join(str(part) for part in first["loc"]) or "source"
    return f"--{name.replace('_', '-')} is not right: {first['msg'].removeprefix('Value error, ')}."
