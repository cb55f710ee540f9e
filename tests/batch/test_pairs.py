"""Folders of pairs: what is written, what the record says, what a second run does."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux import ImgreduxError, to_tensor
from imgredux.batch import engine
from imgredux.batch.outputs import FileResult
from imgredux.batch.pairs import MakePairs
from imgredux.cli import app
from imgredux.critical import critical_image
from imgredux.datasets import pairs
from imgredux.metrics.ssimulacra2 import ssimulacra2

CAT = data.chelsea()[96:192, 120:248]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(CAT).save(folder / "cat.png")
    Image.fromarray(data.camera()[200:264, 200:280]).save(folder / "man.png")
    return folder


def make(photos: Path, out: Path) -> list[FileResult]:
    return list(engine.run(MakePairs("jpeg", 65), [photos], out, jobs=1))


def test_pairs_on_disk(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = make(photos, out)
    assert [(pair.input.name, pair.error, pair.made) for pair in made] == [
        ("cat.png", None, True),
        ("man.png", None, True),
    ]
    found = pairs(out)
    assert [item.stem for item in found] == ["cat", "man"]
    assert found.problems == ()
    for item, pair in zip(found, made, strict=True):
        reference, critical, facts = item.read(), item.read_critical(), pair.facts
        assert torch.equal(reference, to_tensor(pair.input))
        assert torch.equal(critical, critical_image(reference, "jpeg", 65).image)
        assert facts["score"] == pytest.approx(ssimulacra2(image=critical, reference=reference).item())
        assert facts["mse"] == pytest.approx(255**2 * (critical - reference).square().mean().item(), rel=1e-4)
        assert (facts["codec"], facts["target"], facts["height"], facts["width"]) == ("jpeg", 65, *reference.shape[-2:])


def test_a_second_run_makes_what_is_missing_or_changed(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(photos, out)
    assert [pair.made for pair in make(photos, out)] == [False, False]
    (out / "jnd" / "cat.png").unlink()
    Image.fromarray(CAT[:64]).save(photos / "man.png")  # another image by now
    assert [pair.made for pair in make(photos, out)] == [True, True]
    assert [pair.facts["height"] for pair in make(photos, out)] == [96, 64]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ImgreduxError, match="choose one of jpeg, webp, avif"):
        MakePairs("gif")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ImgreduxError, match="equal images only"):
        MakePairs("jpeg", 100)


def test_the_command(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_text("no image")
    Image.fromarray(CAT[:7]).save(photos / "low.png")
    args = ["make-pairs", str(photos), "-o", str(tmp_path / "out"), "--codec", "webp", "--target", "60", "--jobs", "1"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 3, done.stderr
    assert "cat.png: quality " in done.stdout
    assert "broken.png: cannot be read" in done.stderr
    assert "8x8" in done.stderr
    assert "4 files: 2 done, 2 failed" in done.stderr
    for name in ("broken.png", "low.png"):
        (photos / name).unlink()
    again = CliRunner().invoke(app, args)
    assert again.exit_code == 0
    assert again.stdout.count("done before") == 2
    assert "2 pairs: mean MSE " in again.stdout
    assert "within 1.5 of the target)" in again.stdout
    other = CliRunner().invoke(app, [*args[:7], "70", *args[8:]])
    assert "done before" not in other.stdout
