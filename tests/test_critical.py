"""Critical images: the strongest compression at a target, and folders of pairs that survive being killed."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux import ImgreduxError, to_tensor
from imgredux.batch.pairs import RECORD, make_pairs, read_record
from imgredux.cli.make_pairs import make_pairs as command
from imgredux.critical import CODECS, Codec, critical_image, encoded, lowest
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


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / RECORD).read_text().splitlines()]


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


def test_pairs_on_disk(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = list(make_pairs([photos], out, "jpeg", 65))
    assert [(pair.input.name, pair.error, pair.made) for pair in made] == [
        ("cat.png", None, True),
        ("man.png", None, True),
    ]
    found = pairs(out)
    assert [item.stem for item in found] == ["cat", "man"]
    assert found.problems == ()
    for item, row in zip(found, rows(out), strict=True):
        reference, critical = item.read(), item.read_critical()
        assert torch.equal(reference, to_tensor(photos / row["source"]))
        assert torch.equal(critical, critical_image(reference, "jpeg", 65).image)
        assert row["score"] == pytest.approx(ssimulacra2(image=critical, reference=reference).item())
        assert row["mse"] == pytest.approx(255**2 * (critical - reference).square().mean().item(), rel=1e-4)
        assert (row["codec"], row["target"], row["height"], row["width"]) == ("jpeg", 65, *reference.shape[-2:])
        assert row["bytes"] == len(encoded(reference, "jpeg", row["quality"]))


def test_going_on_after_a_kill(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    next(make_pairs([photos], out))  # stopped after the first
    with (out / RECORD).open("a") as file:
        file.write('{"stem": "man", "sou')  # killed while it wrote
    again = list(make_pairs([photos], out))
    assert [pair.made for pair in again] == [False, True]
    assert [row["stem"] for row in rows(out)] == ["cat", "man"]
    (out / "jnd" / "cat.png").unlink()
    Image.fromarray(CAT[:64]).save(photos / "man.png")  # another image by now
    assert [pair.made for pair in make_pairs([photos], out)] == [True, True]
    assert {stem: row["height"] for stem, row in read_record(out / RECORD).items()} == {"cat": 96, "man": 64}
    assert not list(out.rglob("*.tmp"))


def test_one_bad_image_stops_nobody(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_text("no image")
    Image.fromarray(CAT[:7]).save(photos / "low.png")
    made = {pair.input.stem: pair.error for pair in make_pairs([photos], tmp_path / "out")}
    assert "cannot be read" in (made["broken"] or "")
    assert "8x8" in (made["low"] or "")
    assert made["cat"] is None
    assert sorted(read_record(tmp_path / "out" / RECORD)) == ["cat", "man"]


def test_wrong_usage(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    list(make_pairs([photos / "man.png"], out))
    with pytest.raises(ImgreduxError, match="holds pairs of jpeg at 65, not webp at 65"):
        make_pairs([photos], out, "webp")
    with pytest.raises(ImgreduxError, match="not jpeg at 90"):
        make_pairs([photos], out, target=90)
    with pytest.raises(ImgreduxError, match=r"would both be written to cat\.png"):
        make_pairs([photos / "cat.png", photos / "cat.webp"], out)
    (failed,) = make_pairs([out / "ref" / "man.png"], out)
    assert failed.error is not None
    assert "would be overwritten" in failed.error
    (out / RECORD).write_text("damaged\n")
    with pytest.raises(ImgreduxError, match=r"line 1: no row of pairs"):
        make_pairs([photos], out)


def test_the_command(photos: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    (photos / "broken.png").write_text("no image")
    args = [str(photos), "-o", str(tmp_path / "out"), "--codec", "webp", "--target", "60"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 3
    assert "cat.png: quality " in done.stdout
    assert "broken.png: cannot be read" in done.stderr
    assert "imgredux: 1 of 3 failed" in done.stderr
    (photos / "broken.png").unlink()
    again = CliRunner().invoke(app, args)
    assert again.exit_code == 0
    assert again.stdout.count("made before") == 2
    rows = list(read_record(tmp_path / "out" / RECORD).values())
    assert f"2 pairs: mean MSE {(rows[0]['mse'] + rows[1]['mse']) / 2:.4g}, SSIMULACRA 2 6" in again.stdout
    assert "within 1.5 of the target)" in again.stdout
    wrong = CliRunner().invoke(app, [*args[:-1], "70"])
    assert wrong.exit_code == 2
    assert "holds pairs of webp at 60" in wrong.stderr
