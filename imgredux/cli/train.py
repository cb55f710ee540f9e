"""`imgredux train`: weights of a method on one's own images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgredux.cli.text import FAILED, fail, setting

if TYPE_CHECKING:
    from imgredux.training.checkpoint import Row


def train(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A method that learns, or NAME.TAG for one of its recipes.")
    ],
    images: Annotated[
        list[Path], typer.Option("--images", metavar="DIR", help="A folder of pristine images. Repeat it for more.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder of the run.")],
    max_minutes: Annotated[
        float | None, typer.Option("--max-minutes", min=0.1, help="Stop after so long, with a checkpoint.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", min=1, help="Length of the schedule. [default: what --max-minutes allows, or the recipe's]"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take up the run in OUT.")] = False,
    init: Annotated[str | None, typer.Option("--init", metavar="FILE|NAME.TAG", help="Weights to start from.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the recipe, as lr=5e-4.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    devices: Annotated[int, typer.Option("--devices", min=1, help="Processes on this machine, a device each.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Machines, under `fabric run` or torchrun.")] = 1,
    precision: Annotated[str, typer.Option("--precision", help="As Fabric names it: bf16-mixed, ...")] = "32-true",
    seed: Annotated[int, typer.Option("--seed", help="Of the weights and the crops.")] = 0,
    compiled: Annotated[bool, typer.Option("--compile", help="Run the network through torch.compile.")] = False,
) -> None:
    """Train a method on folders of pristine images (docs/training.md).

    A tenth of each folder is held out and judged on. OUT holds the log (log.csv, curve.png), the checkpoint, and at the
    end TAG.safetensors with the text for weights.toml. A run that was ended in any way goes on with --resume.

    \b
    imgredux train arcnn.q10 --images photos/ -o runs/arcnn --max-minutes 30
    imgredux train d2lnet --images photos/ -o runs/d2lnet --max-minutes 30 --device cuda --precision bf16-mixed

    Exit codes: 0 done, or stopped in time with a line that says so; 2 wrong usage; 3 the run failed.
    """
    try:
        from imgredux.training import train
    except ImportError as error:
        fail(f"training needs {error.name}: pip install imgredux[train]", FAILED)
    done = train(
        name,
        images,
        out,
        steps=steps,
        max_minutes=max_minutes,
        device=device,
        devices=devices,
        nodes=nodes,
        precision=precision,
        seed=seed,
        resume=resume,
        init=init,
        compiled=compiled,
        changes=dict(map(setting, changes or [])),
        progress=_show,
    )
    typer.echo(f"weights: {done}" if done else f"time is over: go on with --resume, {out} holds the checkpoint")


def _show(row: "Row") -> None:
    cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
    print("  ".join(cells), flush=True)
