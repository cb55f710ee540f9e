"""Smaller files that look the same: what is kept, what is replaced, what a second run does."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux.batch import engine
from imgredux.batch.optimize import Optimize
from imgredux.batch.record import RECORD
from imgredux.cli import app
from imgredux.io.images import to_tensor
from imgredux.metrics import ssimulacra2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x010F] = "camera maker"
    Image.fromarray(np.ascontiguousarray(data.chelsea()[60:188, 100:260])).save("in/cat.png", exif=exif)
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:96, :128])).save("in/tiny.jpg", quality=1, optimize=True)
    frames = [Image.fromarray(data.camera()[:40, shift : shift + 40]) for shift in (0, 9)]
    frames[0].save("in/moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(data.camera()[:40, :40].astype(np.uint16) * 257).save("in/deep.png")
    return tmp_path


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["optimize", "--jobs", "1", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def rows(out: str) -> dict[str, dict]:
    """What the record says of each input that was done: its facts, and the name of its output."""
    found = [json.loads(line) for line in Path(out, RECORD).read_text().splitlines()]
    done = [row for row in found if "facts" in row]
    return {Path(row["input"]).name: {**row["facts"], "output": next(iter(row["outputs"]))} for row in done}


def test_a_folder_becomes_smaller_and_nothing_is_lost(folder):
    originals = {path.name: path.read_bytes() for path in Path("in").iterdir()}
    out, _ = run("in", "-o", "out", "--formats", "jpeg")
    found = rows("out")
    assert found.keys() == originals.keys()
    assert "4 files: " in out
    assert "3 kept as they were" in out
    new = found["cat.png"]
    assert new["after"] < new["before"] / 3
    with Image.open(Path("out", new["output"])) as image:
        assert image.format == "JPEG"
        assert image.getexif()[0x010F] == "camera maker"
        assert float(ssimulacra2(to_tensor(image), to_tensor("in/cat.png"))) >= 80
    for name, why in (("tiny.jpg", "nothing smaller"), ("moving.gif", "2 frames"), ("deep.png", "16 bits")):
        assert why in found[name]["kept"]
        assert Path("out", name).read_bytes() == originals[name]
    assert {path.name: path.read_bytes() for path in Path("in").iterdir()} == originals


def test_a_second_run_goes_on_where_the_first_was_stopped(folder):
    run("in/cat.png", "-o", "out", "--formats", "jpeg", "--target", "60")
    made = Path("out", rows("out")["cat.png"]["output"])
    before = made.stat().st_mtime_ns
    with Path("out", RECORD).open("a") as file:
        file.write('{"input": "tin')  # as a killed run leaves it
    out, _ = run("in/cat.png", "in/tiny.jpg", "-o", "out", "--formats", "jpeg", "--target", "60")
    assert "cat.jpg, " in out
    assert "done before" in out
    assert made.stat().st_mtime_ns == before
    assert rows("out").keys() == {"cat.png", "tiny.jpg"}
    out, _ = run("in/cat.png", "-o", "out", "--formats", "jpeg", "--target", "70")
    assert "done before" not in out  # another target: made anew
    assert rows("out")["cat.png"]["after"] == made.stat().st_size


def test_what_fails_is_said_and_the_others_are_done(folder):
    Path("in/broken.png").write_bytes(Path("in/cat.png").read_bytes()[:500])
    _, err = run("in/broken.png", "in/deep.png", "-o", "out", code=3)
    assert "in/broken.png" in err
    assert rows("out").keys() == {"deep.png"}
    for arguments, said in (
        (("in", "-o", "in"), "originals are not overwritten"),
        (("in", "-o", "out", "--target", "perfect"), "side-by-side"),
        (("in", "-o", "out", "--formats", "gif"), "gif is none of keep"),
    ):
        _, err = run(*arguments, code=2)
        assert said in err


def test_a_target_out_of_reach_keeps_the_original(folder):
    (done,) = engine.run(Optimize(99.5, {"candidates": ["jpeg420"]}, formats=["jpeg"]), ["in/cat.png"], "out", jobs=1)
    assert "reaches" in done.facts["kept"]
    assert Path("out/cat.png").read_bytes() == Path("in/cat.png").read_bytes()


def test_photographs_of_one_name_do_not_take_each_others_place(folder):
    Path("new").mkdir()
    Image.fromarray(np.ascontiguousarray(data.coffee()[:96, :128])).save("new/cat.png")
    run("in/cat.png", "-o", "out", "--formats", "jpeg")
    first = Path("out/cat.jpg").read_bytes()
    _, err = run("new/cat.png", "-o", "out", "--formats", "jpeg", code=3)
    assert "would take the place of that of ../in/cat.png" in err
    assert Path("out/cat.jpg").read_bytes() == first
    run("in/cat.png", "new/cat.png", "-o", "both", "--formats", "jpeg")
    assert Path("both/in/cat.jpg").read_bytes() == first
    assert Path("both/new/cat.jpg").exists()


def test_a_strangers_file_of_the_outputs_name_stays(folder):
    Path("album").mkdir()
    Path("album/cat.jpg").write_text("another photograph")
    _, err = run("in/cat.png", "-o", "album", "--formats", "jpeg", code=3)
    assert "exists already, and was not made here" in err
    assert Path("album/cat.jpg").read_text() == "another photograph"
    Path("album/tiny.jpg").write_text("mine")
    _, err = run("in/tiny.jpg", "-o", "album", "--formats", "jpeg", code=3)
    assert Path("album/tiny.jpg").read_text() == "mine"
    run("in/cat.png", "-o", "album", "--formats", "jpeg", "--force")
    assert Path("album/cat.jpg").read_text("latin-1") != "another photograph"
