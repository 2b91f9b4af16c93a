"""The command line, a thin layer over the package. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from groundswell._core import DEBUG_BUILD, __version__
from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import ReaderGoneError, say, say_lines
from groundswell.cli.params.texts import DIRECTORY, is_utf8
from groundswell.cli.work import CommandRun
from groundswell.errors import GroundswellError, InputError, StorageError

__all__ = ["COMMANDS", "cli", "run"]

COMMANDS: Final = {
    "select": ("groundswell.cli.commands.select", "Pick a batch of devices from a fleet."),
    "fleet": ("groundswell.cli.commands.fleet", "Generate and summarise fleets."),
    "uuids": ("groundswell.cli.commands.uuids", "Check and clean lists of UUIDs."),
    "sets": ("groundswell.cli.commands.sets", "Unite, intersect or subtract lists of UUIDs."),
    "init": ("groundswell.cli.commands.init", "Make a factory."),
    "devices": ("groundswell.cli.commands.devices", "Import, list, show, group, delete and export devices."),
    "groups": ("groundswell.cli.commands.groups", "Make, list, rename, describe and delete groups."),
    "targets": ("groundswell.cli.commands.targets", "Import, add, list, show and prune targets."),
    "keys": ("groundswell.cli.commands.keys", "Make, add and rotate keys; show the roots."),
    "metadata": ("groundswell.cli.commands.metadata", "Export, renew and verify what devices are served."),
    "waves": ("groundswell.cli.commands.waves.waves", "Make waves, roll them out, follow, complete or cancel them."),
    "strategies": ("groundswell.cli.commands.strategies", "Simulate strategies, which widen waves step by step."),
    "settings": ("groundswell.cli.commands.settings", "Show and change the settings of the factory."),
    "serve": ("groundswell.cli.commands.serve", "Serve the API that fioctl drives."),
    "users": ("groundswell.cli.commands.users", "Add, list and disable the users of the API."),
    "tokens": ("groundswell.cli.commands.tokens", "Create, list and revoke the tokens of the API."),
    "status": ("groundswell.cli.commands.status", "Show an overview of the factory."),
    "audit": ("groundswell.cli.commands.audit", "List and verify the audit log."),
    "check": ("groundswell.cli.commands.backup", "Check the factory for damage, or repair it."),
    "compact": ("groundswell.cli.commands.compact", "Write a checkpoint of the audit log; remove old rows."),
    "backup": ("groundswell.cli.commands.backup", "Write the whole factory to one file."),
    "restore": ("groundswell.cli.commands.backup", "Make a factory out of a backup."),
}
"""Command → (module, help line). The help is printed without importing the modules."""

ALIASES: Final = {"wave": "waves"}
"""Aliases of commands; the help does not list them."""

INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
_MAX_SHOWN: Final = 200


class _LazyGroup(ExamplesGroup):
    """Imports a command's module when the command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and ALIASES.get(args[0], args[0]) not in COMMANDS and not args[0].startswith("-"):
            from groundswell._core import nearest

            near = nearest(args[0], list(COMMANDS))
            hint = f" Did you mean `{near[0]}`?" if near else ""
            ctx.fail(f"there is no command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="groundswell")
@click.option(
    "-C",
    "directory",
    metavar="DIR",
    type=DIRECTORY,
    help="The factory (default: GROUNDSWELL_FACTORY, else the working directory).",
)
def cli(directory: str | None) -> None:
    """Choose which devices of a large fleet see an update next, exactly and reproducibly."""


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; errors are printed on stderr.

    0 success · 1 a bug in Groundswell · 2 bad input · 3 not found · 4 not possible in this state · 5 not trusted ·
    6 storage failed · 130 interrupted.
    """
    if DEBUG_BUILD:
        say("this is a debug build of groundswell, many times slower than a release", label="warning:")
    work = CommandRun()
    try:
        code = cli.main(args=arguments, prog_name="groundswell", standalone_mode=False, obj=work)
    except GroundswellError as error:
        code = _print_error(error, as_json="--json" in arguments, command=work.command)
    except click.exceptions.NoArgsIsHelpError as error:
        # A command group without a subcommand prints its help.
        say_lines(error.format_message())
        code = error.exit_code
    except click.ClickException as error:
        code = _print_error(_bad_usage(error), as_json="--json" in arguments)
    except (KeyboardInterrupt, click.Abort):
        say(work.interruption_message())
        code = INTERRUPTED
    except ReaderGoneError:
        # The reader has closed the pipe (`… | head`). Without the redirection Python's flush at exit would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except UnicodeEncodeError as error:
        # A library got a name that is not UTF-8: an argument, or the name of the working directory.
        bad = next((one for one in [*arguments, os.getcwd()] if not is_utf8(one)), "")  # noqa: PTH109 - as a text
        code = _print_error(_not_utf8(bad), as_json="--json" in arguments) if bad else _bug(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug must not greet an operator with a traceback
        code = _print_unexpected(error, as_json="--json" in arguments, command=work.command)
    return code if isinstance(code, int) else 0


def _print_unexpected(error: Exception, *, as_json: bool, command: click.Command | None) -> int:
    """Print a bug, or a path that the system refuses, such as a name that is too long."""
    if not isinstance(error, OSError) or error.filename is None:
        return _bug(error)
    reason = error.strerror or str(error)
    refused = StorageError(
        "cannot-read",
        f"`{error.filename}` cannot be read or written: {reason}",
        hint="check the name, get permission, or choose another file",
        fields={"path": str(error.filename), "reason": reason},
    )
    return _print_error(refused, as_json=as_json, command=command)


def _bad_usage(error: click.ClickException) -> InputError:
    """Convert a usage error of click: an unknown option, a missing argument, an invalid choice."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "groundswell"
    message = error.format_message().removesuffix(".")
    return InputError(
        "bad-usage",
        message[:1].lower() + message[1:],
        hint=f"`{command} --help` shows its arguments and options",
        fields={"command": command},
    )


def _not_utf8(name: str) -> InputError:
    return InputError(
        "not-text",
        f"`{name[:_MAX_SHOWN]}` is not UTF-8",
        hint="rename it, or give it in UTF-8; a file with any name can be read from stdin",
        fields={"value": name[:_MAX_SHOWN]},
    )


def _print_error(error: GroundswellError, *, as_json: bool, command: click.Command | None = None) -> int:
    """Print an error on stderr, and return its exit code."""
    from groundswell.cli.hints import hint_for
    from groundswell.cli.output.details import detail_lines

    hint = hint_for(error, command)
    if as_json:
        import json

        data = {"code": error.code, "message": error.message, "hint": hint, "fields": error.fields}
        # Print ASCII, because stderr may have any encoding. JSON does not escape DEL, so escape it here.
        say(json.dumps({"error": data}).replace("\x7f", "\\u007f"))
        return error.exit_code
    say(error.message, label="error:", color="red")
    for line in detail_lines(error):
        say(line, label="      ")
    if hint:
        say(hint, label=" hint:", color="cyan")
    return error.exit_code


def _bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="groundswell-bug-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        traceback.print_exception(error, file=log)
    say(f"a bug in groundswell: {type(error).__name__}", label="error:")
    say(f"please report it with the traceback in {log.name}", label=" hint:")
    return 1
