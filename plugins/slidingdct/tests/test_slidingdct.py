import numpy as np
import pytest
import torch
from imgredux_slidingdct.method import SlidingDCT
from PIL import Image
from skimage import data

from imgredux import create, to_tensor
from imgredux.io.images import read
from imgredux.metrics import psnr, psnr_b
from imgredux.ops import ijg_tables, jpeg, restored_chroma, rgb_to_ycbcr, sliding_dct, ycbcr_to_rgb
from imgredux.testing.shared import shared

COARSE = ijg_tables(10)[None]


@pytest.fixture(scope="module")
def method() -> SlidingDCT:
    return SlidingDCT()


def camera(height: int = 88, width: int = 104, quality: int = 10) -> torch.Tensor:
    x = torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].float() / 255
    return jpeg(x, quality)


def cat(height: int = 96, width: int = 128, **options: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.from_numpy(data.chelsea()[60 : 60 + height, 120 : 120 + width].copy())
    original = pixels.permute(2, 0, 1)[None].float() / 255
    return original, jpeg(original, 10, **options)


@pytest.mark.parametrize("options", [{}, {"kappa": 0.7, "half": 0.2}, {"stride": 2}], ids=str)
def test_keywords_reach_luma_and_chroma(options):
    method = SlidingDCT(**options)
    gray, (_, color) = camera(), cat()
    expected = sliding_dct(gray, COARSE[:, 0], **options).clamp(0, 1)
    assert torch.equal(method.forward(gray, qtable=COARSE), expected)
    y, chroma = rgb_to_ycbcr(color).split((1, 2), 1)
    planes = [sliding_dct(y, COARSE[:, 0], **options), restored_chroma(chroma, COARSE[:, 1], "4:2:2", **options)]
    found = method.forward(color, qtable=COARSE, subsampling="4:2:2")
    assert torch.equal(found, ycbcr_to_rgb(torch.cat(planes, 1)).clamp(0, 1))


def test_one_table_serves_a_batch(method):
    x = torch.cat([camera(), camera().flip(-1)])
    assert torch.equal(method.forward(x, qtable=COARSE), method.forward(x, qtable=COARSE.repeat(2, 1, 1, 1)))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_color_becomes_better_and_chroma_best_with_its_own_subsampling(method, subsampling):
    original, damaged = cat(224, 288, subsampling=subsampling)
    luma_only = psnr(method.forward(damaged, qtable=COARSE, subsampling="4:1:1"), original).item()
    gains = {
        name: psnr(method.forward(damaged, qtable=COARSE, subsampling=name), original).item() - luma_only
        for name in ("4:4:4", "4:2:2", "4:4:0", "4:2:0")
    }
    assert luma_only > psnr(damaged, original).item()
    assert gains[subsampling] > 0.1
    assert gains[subsampling] == max(gains.values())


def test_without_steps_nothing_changes_and_420_is_the_default(method):
    _, x = cat()
    assert torch.equal(method.forward(x), x)
    assert torch.equal(method.forward(x, qtable=COARSE), method.forward(x, qtable=COARSE, subsampling="4:2:0"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2"])
def test_a_file_brings_its_subsampling(subsampling, tmp_path):
    original, _ = cat()
    pixels = (original[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    file = tmp_path / "cat.jpg"
    Image.fromarray(pixels).save(file, quality=10, subsampling=subsampling)
    whole = create("slidingdct")
    expected = whole(whole.planes(read(file, stored=True)), qtable=COARSE, subsampling=subsampling)
    given = torch.from_numpy(np.array(whole(file))).permute(2, 0, 1)[None]
    assert torch.equal(given, (expected * 255).round().to(torch.uint8))


def test_classic5_at_quality_10_is_as_good_as_the_readme_says():
    restorer, values = create("slidingdct"), []
    for file in sorted(shared("data/test/classic5").glob("*.bmp")):
        x = to_tensor(file)
        y = (restorer(jpeg(x, 10), qtable=COARSE) * 255).round() / 255
        values.append([psnr(y, x).item(), psnr_b(y, x, counts="frac").item()])
    assert np.mean(values, 0) == pytest.approx([28.83, 28.83], abs=0.02)


def test_mistakes_are_named(method):
    _, x = cat()
    with pytest.raises(ValueError, match="stride=3"):
        SlidingDCT(stride=3)
    with pytest.raises(ValueError, match=r"kappa=-0.1"):
        SlidingDCT(kappa=-0.1)
    with pytest.raises(ValueError, match=r"'4:2:1'; choose one of 4:4:4"):
        method.forward(x, qtable=COARSE, subsampling="4:2:1")
    with pytest.raises(ValueError, match=r"qtable has shape \(2, 8, 8\)"):
        method.forward(x, qtable=COARSE[0])
