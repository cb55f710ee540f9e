"""Spec: what a method declares about itself. Torch-free, so that reading declarations costs nothing."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["estimator", "restorer", "codec"]
KINDS: tuple[Kind, ...] = ("estimator", "restorer", "codec")
NAME = re.compile(r"[a-z][a-z0-9_-]*")
AUTO = "auto"  # what stands for the best restorer, and is no method's name
# dB of PSNR over the JPEG itself, by its quality (1..100; text in TOML), on files that are greyscale "y", colour "rgb";
# of photographs, or under "graphics-y" and "graphics-rgb" of screenshots, text and drawings.
Gains = Mapping[str, Mapping[int | str, float]]
GAINS = ("y", "rgb", "graphics-y", "graphics-rgb")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The declaration of one method; every field is read by the core or contradicted by a test.

    name: lower-case letters, digits, `-`, `_`; equal to the entry point's name.
    kind: `"estimator"`, `"restorer"` or `"codec"`.
    target: where the class lives, `"package.module:Class"`; imported only when the method is built.
    title, paper, license: for people: one line, the reference, an SPDX identifier.
    channels: channel counts that `forward` accepts, of 1 (luma) and 3 (RGB).
    multiple_of: height and width that `forward` sees are multiples of this; the core pads and crops.
    minimum: height and width that `forward` sees are at least this; the core pads and crops.
    context: pixels of neighbourhood an output pixel depends on; None when it depends on the whole image.
    tile: side, in pixels, of the tiles that a large image is computed in; more where a tile sees far beyond its own.
    differentiable: gradients with respect to the image exist and are finite; a method that says False refuses them.
    half: float16 and bfloat16 tensors are accepted; a method that says False refuses them.
    user_weights: the method runs what files of its users hold, and has no weights of its own, nor will have.
    recipes: where the training recipes of a method are, `"package.recipe:RECIPES"`; read by `imgredux train`.
    knob: of a codec: the keyword of its calls that trades size for quality, and some of its values, from the smallest
        files to the best images: `("quality", (20, 50, 80, 95))`.
    exceptions: checks of the conformance suite that do not hold, each with its reason; shown by `imgredux info`.
    gains: of a restorer without weights: dB of PSNR that it brings a JPEG nearer to its original, by quality, on
        greyscale and colour files: `{"y": {10: 0.9, 40: 0.8}, "rgb": {10: 0.7}}`; under `"graphics-y"` and
        `"graphics-rgb"` those of screenshots, text and drawings. Weights state theirs in the manifest.
    jod: of an estimator: by tag of its weights, `""` where it has none, the factor that makes a map's 1.0 one JOD of
        ColorVideoVDP at 37.8 pixels per degree and 200 cd/m2, on training images; see `Estimator.jod`.

    Raises ValueError when a field is not of this form.
    """

    name: str
    kind: Kind
    target: str
    title: str
    paper: str
    license: str
    channels: tuple[int, ...] = (1, 3)
    multiple_of: int = 1
    minimum: int = 1
    context: int | None = None
    tile: int = 512
    differentiable: bool = False
    half: bool = False
    user_weights: bool = False
    recipes: str | None = None
    knob: tuple[str, tuple[float | str, ...]] | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict)
    gains: Gains = field(default_factory=dict)
    jod: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"method name {self.name!r}: use lower-case letters, digits, '-' and '_', a letter first")
        if self.name == AUTO:
            raise ValueError(f"method name {self.name!r}: {AUTO!r} stands for the best restorer, choose another")
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        if self.target.count(":") != 1:
            raise ValueError(f"{self.name}: target {self.target!r} is not of the form 'package.module:Class'")
        if not self.channels or not set(self.channels) <= {1, 3}:
            raise ValueError(f"{self.name}: channels {self.channels!r} must be some of 1 and 3")
        if min(self.multiple_of, self.minimum, self.tile) < 1 or (self.context is not None and self.context < 0):
            raise ValueError(f"{self.name}: multiple_of, minimum and tile are at least 1, context at least 0 or None")
        if self.knob is not None and (self.kind != "codec" or len(self.knob[1]) < 2):
            raise ValueError(f"{self.name}: knob {self.knob!r}: a codec has a keyword and two or more values of it")
        if self.jod and (self.kind != "estimator" or not all(0 < factor < math.inf for factor in self.jod.values())):
            raise ValueError(f"{self.name}: jod {self.jod!r}: an estimator has factors above 0, by tag")
        try:
            check_gains(self.gains)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error


def check_gains(gains: Any) -> None:
    """Raise ValueError unless `gains` has the form of `Spec.gains`."""
    try:
        figures = [(int(quality), float(gain)) for by_quality in gains.values() for quality, gain in by_quality.items()]
        sound = all(quality in range(1, 101) and math.isfinite(gain) for quality, gain in figures)
    except (AttributeError, TypeError, ValueError):
        sound = False
    if not sound or not set(gains) <= {*GAINS}:
        raise ValueError(f"gains are dB of {', '.join(GAINS)} files by JPEG quality from 1 to 100, not {gains!r}")
