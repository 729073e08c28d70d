import importlib

import click

# name -> (module, what the overview says)
_COMMANDS = {
    "serve": ("serve", "Run the hub: web server and job workers."),
    "accounts": ("accounts", "Make accounts; list them, reset a password, lock somebody out."),
    "orgs": ("orgs", "Make organisations; see and change who belongs to them."),
    "bases": ("bases", "Say with which base models workers render previews."),
    "jobs": ("jobs", "Look at jobs; try them again or cancel them."),
    "migrate": ("migrate", "Bring the database to this version's shape."),
    "rebuild": ("rebuild", "Derive the library's columns again from cards and inspections."),
    "worker": ("worker", "Run a job worker in this terminal."),
    "relay": ("relay", "Send due jobs to the broker (with LORAHUB_CARRIER=celery)."),
    "config": ("config", "Show the settings in effect."),
}


class _Commands(click.Group):
    """Imports a command's file when it is called; the overview needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"lorahub_server.cli.{_COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lorahub", prog_name="lorahub-server")
def main() -> None:
    """Run and look after a LoRAHub server. Settings come from LORAHUB_* variables."""
