"""The command tree behind ./kumapo: each word on the command line leads to the module that does it, imported only then.

It stands outside the layers and decides nothing. The commands live with what they start; here are only their names and
one line of help each.
"""

import importlib
from typing import Final

import click

# command -> (module, name of the click command in it, one line of help), in the order in which a newcomer meets them
COMMANDS: Final = {
    "demo": ("demo.command", "demo", "Run a hub and two booths here, with a simulated camera and network."),
    "test": ("kumapo_suite", "test", "Run ruff, mypy and every test."),
    "doctor": ("kumapo_doctor", "doctor", "Say what this machine has, and what it lacks."),
    "bench": ("benchmarks.command", "bench", "Measure, beside the limit of what each step is made of."),
    "simulate": ("simulator.command", "simulate", "Play booths, clerks, carriers and a hub from a seed."),
    "kiosk": ("kiosk.commands", "kiosk", "A booth: enrol, run, export, status."),
    "hub": ("hub.commands", "hub", "The hub: init, serve, import, cards, audit, restore."),
}


class LazyGroup(click.Group):
    """A group that lists its commands without importing them, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that was asked for."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101  (the table above is ours)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table's own lines stand for the help of the modules that are not imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def kumapo() -> None:
    """クマポ受付: 市民ポイントの会場端末とセンター / the booth and hub of a city's community points.

    はじめての方は「./kumapo demo」をどうぞ。 / New here? Start with: ./kumapo demo
    """


if __name__ == "__main__":
    kumapo(prog_name="./kumapo")
