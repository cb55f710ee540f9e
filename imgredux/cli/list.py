"""`imgredux list` and `imgredux info`: declarations and metadata, no torch."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from imgredux import registry
from imgredux.cli.completing import methods
from imgredux.cli.manners import manners
from imgredux.cli.text import FAILED, line
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from imgredux.methods.spec import Kind
    from imgredux.registry.listing import Listing

RUN_TIME = "registered at run time"
Listed = Literal["estimator", "restorer", "codec", "metric", "protocol"]


def list_names(
    kind: Annotated[Listed | None, typer.Option(help="What to list. [default: methods of all kinds]")] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Names alone; no plugin of a method is loaded.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array of objects: what each declares.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Load every declaration and show what is broken.")] = False,
) -> None:
    """List the installed methods, or metrics, or protocols: name, kind and title of each, a line each.

    With -q: one name a line. With --check: name, kind, distribution and state of each; exit code 3 when a plugin is
    broken or two conflict.
    """
    if check:
        _check(kind)
        return
    family = "metric" if kind == "metric" else "protocol" if kind == "protocol" else "method"
    quiet = quiet or manners.quiet
    if quiet and not as_json:
        names = {"metric": registry.list_metrics, "protocol": registry.list_protocols}.get(family)
        found = names() if names else registry.list_methods(cast("Kind | None", kind))
        for name in found:
            typer.echo(name)
    else:
        found = registry.listed(family, kind)
        if as_json:
            typer.echo(json.dumps([_object(one) for one in found], indent=2))
        else:
            _table(found)
    if not found and kind is None:
        typer.echo("no method is installed. Try: pip install 'imgredux[all]'", err=True)


def _object(one: "Listing") -> dict[str, Any]:
    """An entry as JSON has it; `error` only where there is one."""
    about = one._asdict()
    return about if one.error is not None else {key: value for key, value in about.items() if key != "error"}


def _table(found: "Sequence[Listing]") -> None:
    """A line each; what cannot be loaded is named on stderr."""
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        if one.error is None:
            typer.echo(line(f"{one.name:<{width}}  {one.kind:<9}  {one.title}").rstrip())
    for one in found:
        if one.error is not None:
            typer.echo(line(f"imgredux: warning: {one.error}"), err=True)


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


def info(
    name: Annotated[
        str,
        typer.Argument(help="A method, as `imgredux list` shows it.", metavar="NAME", autocompletion=methods()),
    ],
) -> None:
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
