"""Commands and groups whose help ends with examples."""

from __future__ import annotations

from typing import Any

import click

from groundswell.cli.work import work_at_hand

__all__ = ["ExamplesCommand", "ExamplesGroup"]


class _WithExamples(click.Command):
    """Writes the examples of `groundswell.cli.examples` below the options."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and remember which it is for the hint of an error."""
        work_at_hand().command = self
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from groundswell.cli.examples import EXAMPLES

        # The first word is the program, by whatever name it was started.
        lines = EXAMPLES.get(" ".join(_names(ctx)), ())
        if lines:
            with formatter.section("Examples"):
                # Not wrapped: a command is pasted as a whole.
                for line in lines:
                    formatter.write(f"  {line}\n")
        super().format_epilog(ctx, formatter)


def _names(ctx: click.Context | None) -> list[str]:
    """The words of a command after the program, in the plain spelling of each."""
    if ctx is None or ctx.parent is None:
        return []
    return [*_names(ctx.parent), ctx.command.name or ctx.info_name or ""]


class ExamplesCommand(_WithExamples):
    """A command whose help ends with examples."""


class ExamplesGroup(_WithExamples, click.Group):
    """A group of such commands."""

    command_class = ExamplesCommand
    group_class = type
