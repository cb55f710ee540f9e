"""Critical images: the strongest compression at a target."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from imgredux import ImgreduxError, to_tensor
from imgredux.critical import CODECS, Codec, critical_image, encoded, lowest
from imgredux.metrics.ssimulacra2 import ssimulacra2

CAT = data.chelsea()[96:192, 120:248]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("threshold", [0, 1, 2, 37, 99, 100])
def test_lowest_of_a_monotone_scale(first: int, threshold: int) -> None:
    asked = []
    assert lowest(lambda q: asked.append(q) or q >= threshold, first, 100) == max(first, threshold)
    assert len(asked) <= 10


def test_lowest_looks_two_below() -> None:
    assert lowest(lambda q: q >= 40 or q == 38, 1, 100) == 38
    assert lowest(lambda q: q >= 40 or q == 39, 1, 100) == 39
    assert lowest(lambda q: q >= 40 or q == 35, 1, 100) == 40  # beyond: not looked for
    assert lowest(lambda q: q < 100, 1, 100) is None


@pytest.mark.parametrize("codec", CODECS)
def test_the_critical_image_meets_the_target_and_a_stronger_one_does_not(codec: Codec) -> None:
    x = to_tensor(CAT)
    found = critical_image(x, codec, 65)
    assert found.score >= 65
    assert found.score == ssimulacra2(image=found.image, reference=x).item()
    for quality in (found.quality - 1, found.quality - 2):
        decoded = to_tensor(Image.open(BytesIO(encoded(x, codec, quality))))
        assert ssimulacra2(image=decoded, reference=x).item() < 65
    data = encoded(x, codec, found.quality)
    assert found.bytes == len(data)
    pixels = np.asarray(Image.open(BytesIO(data)))
    assert torch.equal(found.image, to_tensor(pixels))
    assert found.mse == pytest.approx(((pixels.astype(float) - CAT) ** 2).mean(), rel=1e-6)


def test_jpeg_is_pillows_with_420() -> None:
    file = BytesIO()
    Image.fromarray(CAT).save(file, "JPEG", quality=40, subsampling="4:2:0")
    assert encoded(to_tensor(CAT), "jpeg", 40) == file.getvalue()


@pytest.mark.parametrize("codec", CODECS)
def test_gray_stays_gray(codec: Codec) -> None:
    x = to_tensor(data.camera()[200:264, 200:280])
    found = critical_image(x, codec, 70)
    assert found.image.shape == x.shape
    assert found.score >= 70


def test_targets_out_of_reach() -> None:
    x = to_tensor(data.astronaut()[:64, :64])
    with pytest.raises(ImgreduxError, match=r"webp reaches a SSIMULACRA 2 of .* at quality 100, not 99"):
        critical_image(x, "webp", 99)
    with pytest.raises(ImgreduxError, match="equal images only"):
        critical_image(x, "jpeg", 100)
    with pytest.raises(ImgreduxError, match="choose one of jpeg, webp, avif"):
        critical_image(x, "gif", 65)  # pyright: ignore[reportArgumentType]
