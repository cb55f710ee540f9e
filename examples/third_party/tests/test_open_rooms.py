"""A metric and a protocol that imgredux has never heard of are measured, tabled and reported like its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage import data

from imgredux import registry
from imgredux.datasets import folder
from imgredux.evaluate import evaluate, read_rows
from imgredux.report import report


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in ("astronaut", "chelsea"):
        Image.fromarray(getattr(data, name)()[:96, :128]).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos"


def test_the_metric_is_the_papers() -> None:
    x, y = (ndimage.uniform_filter(data.camera()[:64, :64] / 255 + shift, 2, origin=-1)[::2, ::2] for shift in (0, 0.0))
    y = y + 0.1 * np.indices(y.shape).sum(0) % 0.07
    m = [np.hypot(*(ndimage.prewitt(plane, axis, mode="constant") / 3 for axis in (0, 1))) for plane in (x, y)]
    gms = (2 * m[0] * m[1] + 170 / 255**2) / (m[0] ** 2 + m[1] ** 2 + 170 / 255**2)
    big = [torch.from_numpy(np.kron(plane, np.ones((2, 2))))[None, None] for plane in (x, y)]
    assert registry.metric("gmsd").function(*big).item() == pytest.approx(gms.std(), rel=2e-3)
    assert registry.metric("gmsd").function(big[0], big[0]).item() == 0


def test_the_metric_stands_in_tables_of_our_protocol(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    names = ["gradmask", "flat", "localstd"]
    assert evaluate("jnd-equal-mse", names, [folder(photos)], out, levels=[36], metrics=["ssim", "gmsd"]) == []
    assert all(0 < row["values"]["gmsd"] < 0.5 for row in read_rows(out))
    page = report(out, tmp_path / "report").read_text("utf-8")
    assert "GMSD ↓" in page
    table = (tmp_path / "report" / "table.md").read_text("utf-8")
    best = min({row["method"] for row in read_rows(out)}, key=lambda name: _mean(out, name, "gmsd"))
    assert f"**{_mean(out, best, 'gmsd'):.4f}**" in table


def test_the_protocol_is_measured_and_reported(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    assert evaluate("mirror", ["gradmask", "flat"], [folder(photos)], out, workers=2) == []
    assert {row["values"]["difference"] for row in read_rows(out) if row["method"] == "flat"} == {0}
    page = report(out, tmp_path / "report").read_text("utf-8")
    assert "Difference, grey levels ↓" in page
    assert "Mean of the map, grey levels" in page


def test_the_command_lists_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gmsd" in registry.list_metrics()
    assert "mirror" in registry.list_protocols()


def _mean(out: Path, method: str, column: str) -> float:
    return float(np.mean([row["values"][column] for row in read_rows(out) if row["method"] == method]))
