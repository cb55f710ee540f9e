"""Spec: what a method declares about itself. Torch-free, so that reading declarations costs nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["estimator", "restorer", "codec"]
KINDS: tuple[Kind, ...] = ("estimator", "restorer", "codec")
NAME = re.compile(r"[a-z][a-z0-9_-]*")


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
    differentiable: gradients with respect to the image exist and are finite; a method that says False refuses them.
    half: float16 and bfloat16 tensors are accepted; a method that says False refuses them.
    exceptions: checks of the conformance suite that do not hold, each with its reason; shown by `imgredux info`.

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
    differentiable: bool = False
    half: bool = False
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"method name {self.name!r}: use lower-case letters, digits, '-' and '_', a letter first")
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        if self.target.count(":") != 1:
            raise ValueError(f"{self.name}: target {self.target!r} is not of the form 'package.module:Class'")
        if not self.channels or not set(self.channels) <= {1, 3}:
            raise ValueError(f"{self.name}: channels {self.channels!r} must be some of 1 and 3")
        if self.multiple_of < 1 or self.minimum < 1 or (self.context is not None and self.context < 0):
            raise ValueError(f"{self.name}: multiple_of and minimum are at least 1, context at least 0 or None")
