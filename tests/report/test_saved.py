"""The page of what `optimize` did: worst first, pixels as they are, and it loads nothing."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux.cli import app

pytest.importorskip("mozjpeg_lossless_optimization", reason="pip install imgredux[repack]")


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    for name, picture in (("<cat>", data.chelsea()), ("cup", data.coffee())):
        Image.fromarray(np.ascontiguousarray(picture[40:200, 60:260])).save(f"album/{name}.jpg", quality=96)
    Image.fromarray(data.camera()[:90, :90]).save("album/grey.png", compress_level=0)
    Path("album/broken.jpg").write_bytes(b"no image")
    return tmp_path / "album"


def pictures(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB") for one in found]


@pytest.mark.parametrize("options", [["-o", "out"], ["--in-place"], ["--dry-run"]])
def test_the_page_shows_the_worst_place_of_each_file(album: Path, options: list[str]) -> None:
    paths = [path for path in album.iterdir() if path.stem != "broken"]
    originals = [np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB")) for path in paths]
    result = CliRunner().invoke(app, ["optimize", "album", *options, "--report", "page.html", "--jobs", "1"])
    assert result.exit_code == 3, result.stderr  # one is broken
    page = Path("page.html").read_text("utf-8")
    assert "&lt;cat&gt;.jpg" in page
    assert "<cat>" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "broken.jpg" in page
    assert "without a loss" in page
    order = [float(found) for found in re.findall(r"here ([\d.]+)</small>", page)]
    assert order == sorted(order)
    assert len(order) == 2
    shown = pictures(page)
    assert len(shown) == 4
    for original, new in zip(shown[::2], shown[1::2], strict=True):
        assert any(np.array_equal(np.asarray(original), one) for one in originals)
        difference = np.abs(np.asarray(original).astype(int) - np.asarray(new))
        assert 0 < difference.mean() < 8
