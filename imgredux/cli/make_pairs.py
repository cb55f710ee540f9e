"""`imgredux make-pairs`: critical images for a folder of pristine ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imgredux.cli.files import MEGAPIXELS, Engine, Force, Jobs, Json, Megapixels, Shard, pixels, through

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult

NEAR = 1.5  # points of SSIMULACRA 2: what counts as at the target


def make_pairs(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Pristine image files, or folders of them with subfolders.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder to write to.")],
    codec: Annotated[Literal["jpeg", "webp", "avif"], typer.Option(help="What distorts the images.")] = "jpeg",
    target: Annotated[
        float, typer.Option(help="SSIMULACRA 2 to stay at: 65 is the mean first JND, 90 visually lossless.")
    ] = 65.0,
    jobs: Jobs = None,
    shard: Shard = None,
    engine: Engine = "processes",
    force: Force = False,
    max_megapixels: Megapixels = MEGAPIXELS,
    as_json: Json = False,
) -> None:
    """Make pairs of pristine and just noticeably distorted images.

    For each image, the strongest compression still at the target: OUT/ref/{stem}.png and OUT/jnd/{stem}.png, and in
    OUT/imgredux.jsonl the quality, score, MSE and bytes reached. Run it again to go on where it stopped.

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some images failed, each with a line on stderr.
    """

    def work():
        from imgredux.batch.pairs import MakePairs

        return MakePairs(codec, target, max_pixels=pixels(max_megapixels))

    through(
        work,
        images,
        out,
        jobs=jobs,
        force=force,
        as_json=as_json,
        shard=shard,
        engine=engine,
        told=_told,
        summary=_summary,
    )


def _told(pair: "FileResult") -> str:
    facts = pair.facts
    return f"quality {facts['quality']}, SSIMULACRA 2 {facts['score']:.2f}, MSE {facts['mse']:.4g}"


def _summary(facts: list[dict[str, Any]]) -> str:
    """What the pairs have in common, in a line."""
    scores = [one["score"] for one in facts]
    near = sum(abs(one["score"] - one["target"]) <= NEAR for one in facts)
    mse = sum(one["mse"] for one in facts) / len(facts)
    spread = f"{min(scores):.1f} to {max(scores):.1f}, {near} within {NEAR:g} of the target"
    return f"{len(facts)} pairs: mean MSE {mse:.4g}, SSIMULACRA 2 {sum(scores) / len(scores):.2f} ({spread})"
