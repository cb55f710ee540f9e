"""Writes docs/reference/cli.md from what the commands say of themselves with --help.

python -m tests.cli_page
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from imgredux.cli import app

FILE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
WIDTH = 80  # characters a line
HEAD = """# Command line

`make cli` writes this page from the commands themselves. Do not edit it by hand.
`imgredux COMMAND --help` prints the same text.
"""


def page() -> str:
    """The text of docs/reference/cli.md."""
    return "\n".join([HEAD, *_sections(typer.main.get_command(app), "imgredux", None)])


def _sections(command: Any, name: str, parent: Any) -> Iterator[str]:
    """A command's section, then those of its subcommands."""
    context = command.context_class(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {context.command_path}\n\n```text\n{text}\n```\n"
    for below in sorted(getattr(command, "commands", {})):
        yield from _sections(command.commands[below], below, context)


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
