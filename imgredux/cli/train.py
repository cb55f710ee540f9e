"""`imgredux train`: weights of a method on one's own images."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgredux.cli.completing import methods
from imgredux.cli.text import FAILED, INTERRUPTED, USAGE, complain, ended_after_a_step, fail, say, setting

if TYPE_CHECKING:
    from imgredux.training.checkpoint import Row


def train(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", autocompletion=methods(), help="A method that learns, or NAME.TAG for one of its recipes."
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option("--images", metavar="DIR", help="A folder of pristine images. Repeat it for more."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="The folder of the run; of a queue, of all its runs."),
    ] = None,
    queue: Annotated[
        Path | None,
        typer.Option("--queue", metavar="FILE", help="Work through a file of runs, as docs/how-to/training.md shows."),
    ] = None,
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
    precision: Annotated[
        str, typer.Option("--precision", help="As Fabric names it: bf16-mixed, ...; auto: what the device is fast at.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the weights and the crops.")] = 0,
    compiled: Annotated[bool, typer.Option("--compile", help="Run the network through torch.compile.")] = False,
) -> None:
    """Train a method on folders of pristine images (docs/how-to/training.md).

    A tenth of each folder is held out and judged on. OUT holds the log (log.csv, curve.png), the checkpoint, and
    TAG.safetensors with the text for weights.toml. A run that was ended in any way goes on with --resume. A queue goes
    on with the same command: its runs lie in OUT, or in the folder that IMGREDUX_RUNS names.

    \b
    imgredux train arcnn.q10 --images photos/ -o runs/arcnn --max-minutes 30
    imgredux train d2lnet --images photos/ -o runs/d2lnet --max-minutes 30 --device cuda
    imgredux train --queue queue.toml -o runs/

    Exit codes: 0 done, or stopped in time with a line that says so; 2 wrong usage; 3 a run failed; 130 ended by Ctrl-C
    or SIGTERM, with a checkpoint.
    """
    if queue is not None:
        runs = out or os.environ.get("IMGREDUX_RUNS")
        if name is not None or images or not runs:
            fail("--queue takes the folder of all runs, -o or IMGREDUX_RUNS, and no NAME and no --images", USAGE)
        _through(queue, Path(runs))
        return
    if name is None or not images or out is None:
        fail("train takes a NAME, --images and -o; or --queue", USAGE)
    with _installed():
        from imgredux.training import train
    with ended_after_a_step() as ended:
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
            ended=ended,
        )
    if done:
        say(f"weights: {done}")
    else:
        say(f"{'ended' if ended() else 'time is over'}: go on with --resume, {out} holds the checkpoint")
        if ended():
            raise typer.Exit(INTERRUPTED)


@contextmanager
def _installed() -> Iterator[None]:
    """What is missing for training, in a line."""
    try:
        yield
    except ImportError as error:
        fail(f"training needs {error.name}: pip install imgredux[train]", FAILED)


def _through(queue: Path, runs: Path) -> None:
    """A line for each run of the queue as it ends."""
    with _installed():
        from imgredux.training.queue import run_queue
    failed = False
    with ended_after_a_step() as ended:
        for one in run_queue(queue, runs, progress=_show_of, ended=ended):
            if one.error:
                failed = True
                complain(runs / one.run.folder, one.error)
            elif one.weights:
                say(f"{one.run.folder}: {'done before' if one.before else 'done'}, weights: {one.weights}")
    if ended():
        say(f"ended: go on with the same command, {runs} holds the checkpoints")
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(FAILED)


def _show_of(folder: str, row: "Row") -> None:
    say(f"{folder}  {_cells(row)}")


def _show(row: "Row") -> None:
    say(_cells(row))


def _cells(row: "Row") -> str:
    cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
    return "  ".join(cells)
