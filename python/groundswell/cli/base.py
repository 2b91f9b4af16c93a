"""Commands and groups whose help ends with examples."""

from __future__ import annotations

from typing import Any

import click

from groundswell.cli.work import current_run

__all__ = ["ExamplesCommand", "ExamplesGroup"]


class _WithExamples(click.Command):
    """Appends the examples of `groundswell.cli.examples` to the help."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and remember it for the hints of errors."""
        current_run().command = self
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from groundswell.cli.examples import EXAMPLES

        # Skip the first word, the name of the program.
        lines = EXAMPLES.get(" ".join(_names(ctx)), ())
        if lines:
            with formatter.section("Examples"):
                # Do not wrap, so that a command can be pasted.
                for line in lines:
                    formatter.write(f"  {line}\n")
        super().format_epilog(ctx, formatter)


def _names(ctx: click.Context | None) -> list[str]:
    """The words of a command after the program; aliases are replaced by the command."""
    if ctx is None or ctx.parent is None:
        return []
    return [*_names(ctx.parent), ctx.command.name or ctx.info_name or ""]


class ExamplesCommand(_WithExamples):
    """A command whose help ends with examples."""


class ExamplesGroup(_WithExamples, click.Group):
    """A group of commands whose help ends with examples."""

    command_class = ExamplesCommand
    group_class = type
