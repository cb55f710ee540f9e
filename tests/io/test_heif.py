"""HEIC files, as telephones write them: read where pillow-heif is installed (`imgredux[heif]`)."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgredux
from imgredux.errors import ImageError
from imgredux.io.finding import find
from imgredux.io.images import read
from tests.io import made

pillow_heif = pytest.importorskip("pillow_heif")


@pytest.fixture(scope="module")
def heic() -> bytes:
    """The photograph on its side, with EXIF that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    file.name = "photo.heic"
    pillow_heif.from_pillow(made.photograph()).save(file, quality=95, exif=exif.tobytes())
    return file.getvalue()


def test_a_heic_file_is_read_upright(heic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(heic)
    tensor = imgredux.to_tensor(path)
    upright = np.asarray(made.photograph().transpose(Image.Transpose.ROTATE_270), np.float32)
    assert tensor.shape == (1, 3, 64, 48)
    assert np.abs(tensor[0].permute(1, 2, 0).numpy() * 255 - upright).mean() < 8
    assert read(path) is not None
    assert [found for found, _ in find([tmp_path]).files] == [path]


def test_a_map_of_a_heic_file(heic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(heic)
    assert imgredux.get("wu2013")(path).shape == (64, 48)


def test_a_damaged_heic_file_is_an_image_error(heic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    for length in (40, 200, len(heic) // 2):
        path.write_bytes(heic[:length])
        with pytest.raises(ImageError):
            imgredux.to_tensor(path)
