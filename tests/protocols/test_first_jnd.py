"""JPEG qualities that models predict for the first JND."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from imgredux import Estimator, ImgreduxError, Restorer, Spec, to_tensor
from imgredux.ops.color import luma
from imgredux.ops.jpeg import jpeg
from imgredux.protocols.first_jnd import SOURCE, predict_quality, ranges, visibility
from imgredux.testing.shared import shared

CAT = to_tensor(data.chelsea()[96:160, 120:200])


class Constant(Estimator):
    """J grey levels everywhere."""

    def __init__(self, levels: float) -> None:
        super().__init__()
        self.levels = levels
        self.spec = Spec(name="constant", kind="estimator", target="n:N", title="", paper="", license="Apache-2.0")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x[:, :1], self.levels / 255)


class Same(Restorer):
    def forward(self, x: torch.Tensor, *, qtable: torch.Tensor | None = None) -> torch.Tensor:
        return x


def test_noise_at_the_threshold_is_just_visible() -> None:
    jnd = torch.rand(1, 1, 40, 30, generator=torch.Generator().manual_seed(1)) + 0.1
    signs = torch.ones_like(jnd)
    signs[..., ::2] = -1
    assert visibility(signs * jnd, jnd) == pytest.approx(1, rel=1e-6)
    assert visibility(signs * jnd * 3, jnd) == pytest.approx(3, rel=1e-6)
    half = torch.where(torch.arange(30) % 2 == 0, jnd, 0.0)
    assert visibility(half, jnd) == pytest.approx(0.5**0.25, rel=1e-6)


def test_the_border_does_not_count_where_there_is_more() -> None:
    jnd = torch.ones(1, 1, 17, 17)
    error = torch.ones(1, 1, 17, 17)
    error[..., 8, 8] = 0.5
    assert visibility(error, jnd) == 0.5
    assert visibility(error[..., :16, :16], jnd[..., :16, :16]) == pytest.approx((1 - 15 / 16 / 256) ** 0.25, rel=1e-6)


def test_where_nothing_may_move() -> None:
    jnd, error = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    assert visibility(error, jnd) == 0
    error[0, 0, 1, 2] = 1e-3
    assert math.isinf(visibility(error, jnd))


@pytest.mark.parametrize("levels", [2.0, 5.0, 12.0])
def test_the_lowest_quality_within_a_map(levels: float) -> None:
    def within(quality: int) -> bool:
        error = 255 * (luma(jpeg(CAT, quality)) - luma(CAT))[0, 0, 8:-8, 8:-8].numpy().astype(np.float64)
        return bool((error**4).mean() ** 0.25 <= levels)

    quality = predict_quality(Constant(levels), CAT)
    assert within(quality)
    assert not any(within(q) for q in (quality - 1, quality - 2))


def test_a_larger_threshold_allows_a_lower_quality() -> None:
    qualities = [predict_quality(Constant(levels), CAT) for levels in (1.5, 4, 10, 200)]
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[-1] == 1


def test_none_will_do() -> None:
    assert predict_quality(Constant(0), CAT) == SOURCE == 101


def test_the_score_rule_is_that_of_critical_images(tmp_path: Path) -> None:
    from imgredux.critical import critical_image

    path = tmp_path / "cat.png"
    Image.fromarray((CAT[0] * 255).byte().permute(1, 2, 0).numpy()).save(path)
    assert predict_quality("ssimulacra2", path) == critical_image(to_tensor(path), "jpeg", 65).quality


def test_only_estimators_have_maps() -> None:
    same = Same()
    same.spec = Spec(name="same", kind="restorer", target="n:N", title="", paper="", license="Apache-2.0")
    with pytest.raises(ImgreduxError, match="same is a restorer"):
        predict_quality(same, CAT)


def test_observers_and_traps() -> None:
    found = ranges(shared("data/jnd/konjnd"))
    assert {item.stem: (dataset, low, high) for item, dataset, low, high in found} == {
        "Quiz_SRC01": ("konjnd", 23, 54),
        "Quiz_SRC02": ("konjnd", 37, 76),
        "Quiz_SRC03": ("konjnd", 36, 72),
        "Quiz_SRC04": ("konjnd", 44, 82),
        "Quiz_SRC05": ("konjnd", 34, 74),
        "Test_SRC0027": ("konjnd-trap", 84, 91),
        "Test_SRC0045": ("konjnd-trap", 46, 53),
    }
    assert all(item.read().shape == (1, 3, 480, 640) for item, *_ in found[:1])


def fake(root: Path, low: int, high: int) -> Path:
    (root / "src").mkdir()
    header = "image,codec,level_lo,level_hi,qf_lo,qf_hi,critical_locations_xy,origin\n"
    text = f"a,JPEG,{101 - high},{101 - low},{low},{high},,a quiz\nb,BPG,1,2,,,,a quiz\n"
    (root / "jnd_ranges.csv").write_text(header + text)
    Image.fromarray(data.chelsea()[96:160, 120:200]).save(root / "src" / "a.png")
    return root


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    ((item, name, low, high),) = ranges(fake(tmp_path, 1, 2))
    assert (item.stem, name, low, high) == ("a", "konjnd", 1, 2)
    (tmp_path / "src" / "a.png").unlink()
    with pytest.raises(ImgreduxError, match="a: no files of this name"):
        ranges(tmp_path)
