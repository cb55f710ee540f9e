"""`imgredux list` and `imgredux info`: declarations and metadata, no torch."""

import json
from typing import Annotated, Literal

import typer

from imgredux import registry
from imgredux.cli.text import FAILED, line
from imgredux.errors import ImgreduxError

RUN_TIME = "registered at run time"
Listed = Literal["estimator", "restorer", "codec", "metric", "protocol"]


def list_names(
    kind: Annotated[Listed | None, typer.Option(help="What to list. [default: methods of all kinds]")] = None,
    check: Annotated[bool, typer.Option("--check", help="Load every declaration and show what is broken.")] = False,
) -> None:
    """List the installed methods, or metrics, or protocols, one name a line.

    With --check: name, kind, distribution and state of each; exit code 3 when a plugin is broken or two conflict.
    """
    if check:
        _check(kind)
        return
    if kind == "metric" or kind == "protocol":
        names = registry.list_metrics() if kind == "metric" else registry.list_protocols()
    else:
        names = registry.list_methods(kind)
    for name in names:
        typer.echo(name)
    if not names and kind is None:
        typer.echo("no method is installed. Try: pip install 'imgredux[all]'", err=True)


def _check(kind: Listed | None) -> None:
    broken = False
    for family, name in registry.list_entries():
        try:
            found = registry.origin(family, name)
        except ImgreduxError as error:
            broken = True
            typer.echo(line(f"{name:<16} broken: {error}"))
            continue
        if kind in (None, found.kind):
            typer.echo(line(f"{name:<16} {found.kind:<10} {found.distribution or RUN_TIME:<28} ok"))
    if broken:
        raise typer.Exit(FAILED)


def info(name: Annotated[str, typer.Argument(help="A method, as `imgredux list` shows it.", metavar="NAME")]) -> None:
    """Show what a method declares, where it comes from, and its weights."""
    found = registry.info(name.partition(".")[0])
    spec = found.spec
    for key, value in found.facts.items():
        typer.echo(line(f"{key:<14}{value}").rstrip())
    for tag, entry in found.weights.items():
        typer.echo(line(f"  {spec.name}.{tag}: {entry['file']}, {entry['bytes']} bytes, {entry['license']}"))
        typer.echo(line(f"    sha256 {entry['sha256']}"))
        typer.echo(line(f"    training {json.dumps(entry['training'], default=str)}"))
        if entry.get("gains"):
            typer.echo(line(f"    gains {json.dumps(entry['gains'])} dB by JPEG quality"))
    if spec.jod:
        typer.echo(line(f"jod           {json.dumps(spec.jod)}, the map's factor to one JOD"))
    if spec.gains:
        typer.echo(line(f"gains         {json.dumps(spec.gains)} dB by JPEG quality"))
    for check, reason in spec.exceptions.items():
        typer.echo(line(f"exception     {check}: {reason}"))
