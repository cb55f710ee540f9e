"""The protocol `jnd-konjnd`: JPEG quality factors that models predict for the first JND, beside what observers said.

Two ways to predict one, `predict_quality`: the SSIMULACRA 2 rule of `imgredux.critical`, and one rule for all maps.

A map J says how far a pixel may move unseen, and noise of |e| = J everywhere is what its authors call just noticeable.
So an error counts as within the map when its size in units of J, pooled over the pixels, is at most that of such noise:

    mean((|e| / J)^4)^(1/4) <= 1

The exponent is vision's usual one for pooling over space (Quick 1974; Robson and Graham 1981; DCTune, Watson 1993). The
mean, not DCTune's sum, makes noise of |e| = J score 1 for any number of pixels. The outermost 8 pixels do not count:
models pad there, and Wu2013's map is zero there by construction. That choice, and no other, was made after a first
look: with the border, Wu2013 allowed no JPEG at all; the others moved by at most 1.
"""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from imgredux import registry
from imgredux.critical import TARGET, Unreached, critical_image, lowest
from imgredux.datasets.base import Item
from imgredux.datasets.tables import konjnd_ranges
from imgredux.errors import ImgreduxError
from imgredux.ops.precision import widest

if TYPE_CHECKING:
    from torch import Tensor

    from imgredux.methods.base import Estimator, Method

RULE = "ssimulacra2"  # the name under which the SSIMULACRA 2 rule stands beside the estimators
SOURCE = 101  # the "quality factor" of the untouched image: distortion level 0
EXPONENT = 4
BORDER = 8


def visibility(error: "Tensor", jnd: "Tensor") -> float:
    """mean((|e| / J)^4)^(1/4) of an error and a map in the same units and shape: 1 for |e| = J everywhere.

    Where J is 0, any error is infinitely visible, and an error of 0 is not visible. The outermost 8 pixels are left out
    if other pixels remain.
    """
    ratio = (error.abs() / jnd).to(widest(error))
    ratio[error == 0] = 0
    if min(ratio.shape[-2:]) > 2 * BORDER:
        ratio = ratio[..., BORDER:-BORDER, BORDER:-BORDER]
    return ratio.pow_(EXPONENT).mean().pow(1 / EXPONENT).item()


def predict_quality(method: "str | Method", image: "str | PathLike | Tensor") -> int:
    """The JPEG quality factor at which a model puts the first JND: the lowest whose error stays within it.

    method: an estimator or its name: the error of luma is compared with its map of the image's luma (`visibility`). Or
    "ssimulacra2": the score must be at least 65. image: a file or `(1, C, H, W)` in [0, 1]; colour JPEG has 4:2:0
    chroma.
    Returns 1 to 100, found as in `critical.lowest`, or 101 where not even quality 100 stays within: the image itself.
    Raises ImgreduxError for other methods, ImageError for images that do not do.
    """
    from torch import Tensor, no_grad

    from imgredux.io.images import to_tensor
    from imgredux.methods.base import Estimator

    x = image if isinstance(image, Tensor) else to_tensor(image)
    if method == RULE:
        return _by_score(x)
    estimator = registry.get(method) if isinstance(method, str) else method
    if not isinstance(estimator, Estimator):
        raise ImgreduxError(f"{estimator.spec.name} is a {estimator.spec.kind}: maps come from estimators")
    with no_grad():
        return _by_map(estimator, x)


def _by_score(x: "Tensor") -> int:
    try:
        return critical_image(x, "jpeg", TARGET).quality
    except Unreached:
        return SOURCE


def _by_map(estimator: "Estimator", x: "Tensor") -> int:
    from imgredux.ops.color import luma
    from imgredux.ops.jpeg import jpeg

    reference = luma(x)
    jnd = estimator(reference)
    found = lowest(lambda quality: visibility(luma(jpeg(x, quality)) - reference, jnd) <= 1, 1, 100)
    return SOURCE if found is None else found


def ranges(root: str | PathLike) -> list[tuple[Item, str, int, int]]:
    """The JPEG sources of a folder of `jnd_ranges.csv` and `src/`: item, data set, lowest and highest quality factor.

    The data set is "konjnd" where the range is that of observers on a ladder of qualities, and "konjnd-trap" where the
    study showed two images only, to catch observers who do not look: such a range says when a slider jumped, and
    nothing about how visible JPEG is. Raises ImgreduxError for an unreadable table, or a source that is not there.
    """
    table = konjnd_ranges(Path(root) / "jnd_ranges.csv")
    found = []
    for stem, codec, low, high, origin in zip(
        *(table[column] for column in ("image", "codec", "qf_lo", "qf_hi", "origin")), strict=True
    ):
        if codec != "JPEG":
            continue
        files = sorted(Path(root).joinpath("src").glob(f"{stem}.*"))
        if len(files) != 1:
            raise ImgreduxError(f"{stem}: {len(files) or 'no'} files of this name in {Path(root) / 'src'}")
        found.append((Item(str(stem), files[0]), "konjnd-trap" if "trap" in origin else "konjnd", int(low), int(high)))
    return found
