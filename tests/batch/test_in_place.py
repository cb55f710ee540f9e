"""Photographs replaced and put back: no original is lost, whatever happens on the way."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux.batch import engine, in_place
from imgredux.batch.in_place import FOLDER, InPlace, put_back
from imgredux.batch.optimize import Optimize
from imgredux.batch.smaller import Wish
from imgredux.cli import app
from imgredux.errors import ImgreduxError

pytest.importorskip("mozjpeg_lossless_optimization", reason="pip install imgredux[repack]")


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album" / "sub").mkdir(parents=True)
    photo = Image.fromarray(np.ascontiguousarray(data.chelsea()[60:188, 100:260]))
    photo.save("album/cat.jpg", quality=95)
    photo.rotate(90).save("album/sub/cat.jpg", quality=95)
    photo.save("album/cat.png", compress_level=1)
    for path in Path("album").rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    return tmp_path / "album"


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".jsonl", ".lock")))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["optimize", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def test_photographs_are_replaced_and_put_back(album: Path) -> None:
    before = contents(album)
    run("album", "--in-place", "--jobs", "1")
    after = contents(album)
    assert {name: after[f"{FOLDER}/{name}"] for name in before} == before
    assert all(len(after[name]) < len(before[name]) for name in before)
    assert (album / "cat.jpg").stat().st_mtime == 1e9
    out, _ = run("album", "--in-place", "--jobs", "1")
    assert out.count("done before") == 3
    out, _ = run("album", "--undo")
    assert out.count("put back") == 3
    assert contents(album) == before
    assert (album / "cat.jpg").stat().st_mtime == 1e9
    assert run("album", "--undo")[0] == ""
    run("album", "--in-place", "--jobs", "1")  # and once more
    assert contents(album) == after


def test_a_part_is_put_back(album: Path) -> None:
    before = contents(album)
    run("album", "--in-place", "--jobs", "1")
    run("album/sub", "--undo", "-o", f"album/{FOLDER}")
    now = contents(album)
    assert now["sub/cat.jpg"] == before["sub/cat.jpg"]
    assert now["cat.jpg"] != before["cat.jpg"]


def test_what_was_changed_since_stays(album: Path) -> None:
    run("album", "--in-place", "--jobs", "1")
    (album / "cat.jpg").write_bytes(b"drawn upon")
    _, err = run("album", "--undo", code=3)
    assert "it was changed since" in err
    assert (album / "cat.jpg").read_bytes() == b"drawn upon"
    assert (album / FOLDER / "cat.jpg").exists()


def test_no_original_takes_the_place_of_another(album: Path) -> None:
    before = contents(album)
    run("album", "--in-place", "--jobs", "1")
    newer = Image.fromarray(np.ascontiguousarray(data.coffee()[:96, :128]))
    newer.save(album / "cat.jpg", quality=95)
    second = (album / "cat.jpg").read_bytes()
    run("album", "--in-place", "--jobs", "1")
    assert (album / FOLDER / "cat.jpg").read_bytes() == before["cat.jpg"]
    assert (album / FOLDER / "cat~2.jpg").read_bytes() == second


def test_links_and_files_of_two_names_are_kept(album: Path) -> None:
    before = contents(album)
    (album / "link.jpg").symlink_to("cat.jpg")
    os.link(album / "cat.png", album / "same.png")
    (album / "sub" / "cat.jpg").unlink()
    (album / "cat.jpg").unlink()
    elsewhere = album.parent / "cat.jpg"
    elsewhere.write_bytes(before["cat.jpg"])
    (album / "cat.jpg").symlink_to(elsewhere)
    out, _ = run("album", "--in-place", "--jobs", "1")
    assert out.count("it is a link to") == 2
    assert out.count("the file has 2 names") == 2
    assert elsewhere.read_bytes() == before["cat.jpg"]
    assert (album / "cat.jpg").is_symlink()


def test_the_original_stays_where_its_copy_cannot_be_trusted(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(album)
    monkeypatch.setattr(in_place.shutil, "copystat", lambda a, b: Path(b).write_bytes(b"rotten"))
    _, err = run("album", "--in-place", "--jobs", "1", code=3)
    assert "does not hold what was written there" in err
    monkeypatch.undo()
    assert {name: (album / name).read_bytes() for name in before} == before


KILLED = """
import os, sys
from imgredux.batch import engine, in_place
stop = int(sys.argv[1])
real, calls = in_place.atomic, []
def atomic(path):
    calls.append(path)
    if len(calls) == stop:
        os._exit(9)
    return real(path)
in_place.atomic = atomic
real_digest = in_place.digest
if stop == 3:
    in_place.digest = lambda path: os._exit(9)
work = in_place.InPlace()
for one in engine.run(work, ["album/cat.jpg"], "originals", jobs=1): pass
"""


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_kill_at_any_step_loses_no_original(album: Path, stop: int) -> None:
    """Before the copy, before the photograph is replaced, and after it."""
    before = (album / "cat.jpg").read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(stop)], cwd=album.parent, check=False)
    assert done.returncode == 9
    originals = album.parent / "originals"
    held = [path.read_bytes() for path in (album / "cat.jpg", originals / "cat.jpg") if path.is_file()]
    assert before in held
    (again,) = engine.run(InPlace(), [album / "cat.jpg"], originals, jobs=1)
    assert again.error is None
    assert (originals / "cat.jpg").read_bytes() == before
    for path, why in put_back(originals, [album]):
        assert not why or stop == 3, (path, why)
    if stop < 3:
        assert (album / "cat.jpg").read_bytes() == before


def test_what_cannot_be_in_place_is_said(album: Path) -> None:
    _, err = run("album", "--in-place", "--formats", "web", code=2)
    assert "keeps its format" in err
    _, err = run("album", code=2)
    assert "-o" in err
    _, err = run("album", "--undo", code=2)
    assert "no record of originals" in err
    for size in ("0", "-3", "many", "3 miles"):
        _, err = run("album", "-o", "out", f"--max-size={size}", code=2)
        assert "300kB" in err


def test_a_dry_run_writes_nothing(album: Path) -> None:
    before = contents(album.parent)
    out, _ = run("album", "--dry-run", "--jobs", "1")
    assert "cat.jpg, " in out
    assert contents(album.parent) == before
    out, _ = run("album", "--dry-run", "--in-place", "--jobs", "1")
    assert contents(album.parent) == before


def test_a_pipe_gives_the_smaller_file(album: Path) -> None:
    data_ = (album / "cat.jpg").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "imgredux", "optimize", "-"], input=data_, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).size == (160, 128)
    assert len(done.stdout) < len(data_)
    bad = subprocess.run(
        [sys.executable, "-m", "imgredux", "optimize", "-"], input=b"no image", capture_output=True, check=False
    )
    assert bad.returncode == 3
    assert b"stdin" in bad.stderr
    assert bad.stdout == b""


def test_limits_of_size_are_kept(album: Path) -> None:
    (small,) = engine.run(Optimize(most=4000), [album / "cat.jpg"], album.parent / "bytes", jobs=1)
    assert small.facts["after"] <= 4000
    assert small.facts["score"] < 80
    (narrow,) = engine.run(Optimize(side=80), [album / "cat.jpg"], album.parent / "side", jobs=1)
    with Image.open(narrow.outputs[0]) as image:
        assert image.size == (80, 64)
    (failed,) = engine.run(Optimize(most=200), [album / "cat.jpg"], album.parent / "none", jobs=1)
    assert "no file of 200 bytes" in (failed.error or "")


def test_formats_may_change_and_a_lossless_file_may_win(album: Path) -> None:
    logo = Image.new("RGBA", (300, 200))
    logo.paste((200, 30, 30, 255), (20, 20, 180, 180))
    logo.save(album / "logo.png", compress_level=0)
    (one,) = engine.run(Optimize(formats="web"), [album / "logo.png"], album.parent / "web", jobs=1)
    assert one.facts["lossless"]
    with Image.open(one.outputs[0]) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA")), np.asarray(logo))
    (kept,) = engine.run(Optimize(), [album / "logo.png"], album.parent / "kept", jobs=1)
    assert kept.outputs[0].name == "logo.png"
    logo.save(album / "cat.bmp")
    (bmp,) = engine.run(Optimize(), [album / "cat.bmp"], album.parent / "bmp", jobs=1)
    assert "a file of BMP" in bmp.facts["kept"]


def test_a_wish_that_cannot_be_is_an_error() -> None:
    for options, said in (
        ({"formats": "gif"}, "gif is none of keep"),
        ({"formats": []}, "an empty list"),
        ({"saving": 1.0}, "least saving"),
        ({"target": "lossless", "most": 9}, "leave out the limit"),
    ):
        with pytest.raises(ImgreduxError, match=said):
            Optimize(**options)
    assert Wish().saving == 0.01
