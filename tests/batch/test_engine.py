"""Many files: trees, names, processes, kills, and files that are not ours."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgredux.batch.record import RECORD
from imgredux.errors import ImgreduxError
from imgredux.io.finding import find, stems
from imgredux.io.jsonl import locked

OPTIONS = ("--heatmap", "--inject-mse", "30")


def command(*arguments: str | Path, **more: object) -> subprocess.Popen[str]:
    """The command, in a process of its own."""
    line = [sys.executable, "-m", "imgredux", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
    return subprocess.Popen(line, **pipes)  # pyright: ignore[reportCallIssue, reportArgumentType]


def said(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    return out + err


def digests(folder: Path) -> dict[str, str]:
    """The outputs under a folder and what is in them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and RECORD not in path.name]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 JPEGs in subfolders, and what a folder holds besides."""
    root = tmp_path_factory.mktemp("album")
    noise = np.random.default_rng(0)
    for index in range(24):
        place = root / f"year {index % 3}" / f"day.{index % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (64, 64, 3), np.uint8)).save(place / f"img {index}.jpg", quality=60)
    (root / "notes.txt").write_text("no image")
    return root


@pytest.fixture(scope="module")
def whole(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "out"
    text = said(command("run", "wei2009", album, "-o", out, *OPTIONS, "--jobs", "1"))
    assert "24 files: 24 done" in text
    assert "left out: notes.txt: .txt is no image" in text
    return out


def test_the_tree_is_mirrored(album: Path, whole: Path) -> None:
    names = set(digests(whole))
    assert len(names) == 72
    assert {"year 1/day.0/img 4.wei2009.png", "year 1/day.0/img 4.wei2009.heatmap.png"} <= names


def test_the_number_of_processes_changes_no_byte(album: Path, whole: Path, tmp_path: Path) -> None:
    said(command("run", "wei2009", album, "-o", tmp_path / "out", *OPTIONS, "--jobs", "2"))
    assert digests(tmp_path / "out") == digests(whole)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_ended_goes_on(album: Path, whole: Path, tmp_path: Path, number: int) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this process ignores the signal, and so do the processes that it starts")
    out, chance = tmp_path / "out", random.Random(number)
    for turn in range(2 if number == signal.SIGKILL else 1):
        process = command("run", "wei2009", album, "-o", out, *OPTIONS, "--jobs", "2", start_new_session=True)
        wanted = (turn + 1) * 6 + chance.randrange(5)
        while process.poll() is None and sum("facts" in line for line in _lines(out)) < wanted:
            time.sleep(0.01)
        os.kill(process.pid, number)
        text = "".join(process.communicate(timeout=60))
        assert "Traceback" not in text
        assert process.returncode in (-number, 130)
        if number != signal.SIGKILL:
            assert "the same command goes on" in text
            assert not [path for path in out.rglob("*") if path.suffix == ".tmp"]
    done = sum("facts" in line for line in _lines(out))
    text = said(command("run", "wei2009", album, "-o", out, *OPTIONS, "--jobs", "2"))
    assert f"{done} done before" in text
    assert digests(out) == digests(whole)
    rows = [json.loads(line) for line in _lines(out)]
    assert len([row for row in rows if "facts" in row]) == 24  # nothing was recorded twice
    text = said(command("run", "wei2009", album, "-o", out, *OPTIONS, "--jobs", "2"))
    assert "24 files: 24 done before" in text


def _lines(out: Path) -> list[str]:
    record = out / RECORD
    return record.read_text().splitlines() if record.exists() else []


def test_a_missing_companion_is_made(album: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said(command("run", "wei2009", album / "year 0", "-o", out, *OPTIONS, "--jobs", "1"))
    lost = out / "day.0" / "img 0.wei2009.heatmap.png"
    before = lost.read_bytes()
    lost.unlink()
    assert "1 done, 7 done before" in said(command("run", "wei2009", album / "year 0", "-o", out, *OPTIONS, "-j", "1"))
    assert lost.read_bytes() == before


def test_two_runs_into_one_folder(album: Path, whole: Path, tmp_path: Path) -> None:
    for turn in range(12):
        out = tmp_path / f"{turn}"
        both = [command("run", "wei2009", album, "-o", out, *OPTIONS, "--jobs", "1") for _ in range(2)]
        texts = ["".join(process.communicate(timeout=300)) for process in both]
        assert sorted(process.returncode for process in both) in ([0, 0], [0, 3])
        assert not any("Traceback" in text for text in texts)
        assert digests(out) == digests(whole)


def test_a_worker_that_is_killed_costs_its_file_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index in range(6):
        Image.new("RGB", (16 + index, 16), (200, 10, index)).save(tmp_path / "in" / f"{index}.png")
    code = """
import os, signal, sys
from pathlib import Path, PurePosixPath
from imgredux.batch import engine

class Deadly(engine.Work):
    task, settings = "deadly", {}
    def start(self): pass
    def may_make(self, place, original): return [f"{place}.txt"]
    def do(self, path, target):
        if path.stem == "3":
            os.kill(os.getpid(), signal.SIGKILL)
        target.main(".txt").write_text(path.stem)
        return {}

if __name__ == "__main__":
    for result in engine.run(Deadly(), ["in"], "out", jobs=2):
        print(result.input.name, result.reason)
"""
    (tmp_path / "deadly.py").write_text(code)
    done = subprocess.run([sys.executable, "deadly.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split("\n")[:-1]) == [
        *(f"{i}.png None" for i in (0, 1, 2)),
        "3.png memory",
        "4.png None",
        "5.png None",
    ]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.txt")) == [
        "0.txt",
        "1.txt",
        "2.txt",
        "4.txt",
        "5.txt",
    ]


def test_names_that_collide_keep_their_suffix(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png", "a.jpg.png", "x/c.png", "y/c.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 9).save(path)
    places = {
        path.relative_to(tmp_path).as_posix(): str(place) for path, place in stems(find([tmp_path]).files).items()
    }
    assert places == {
        "a.jpg": "a.jpg", "a.png": "a.png", "b.png": "b", "a.jpg.png": "a.jpg.png", "x/c.png": "x/c", "y/c.png": "y/c",
    }  # fmt: skip
    two = stems(find([tmp_path / "x" / "c.png", tmp_path / "y" / "c.png"]).files)
    assert sorted(map(str, two.values())) == ["x/c", "y/c"]
    both = stems(find([tmp_path / "x", tmp_path / "y"]).files)
    assert sorted(map(str, both.values())) == ["x/c", "y/c"]


def test_links_hidden_files_and_the_output_folder_are_passed_over(tmp_path: Path) -> None:
    for name in ("a.png", ".b.png", ".hidden/c.png", "out/d.png", "sub/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "pipe.png").symlink_to("/dev/null")
    found = find([tmp_path], tmp_path / "out")
    assert [str(place) for _, place in found.files] == ["a.png", "sub/e.png"]
    assert sorted((path.name, why) for path, why in found.left_out) == [
        ("loop", "a link to a folder"),
        ("pipe.png", "no regular file"),
    ]


def test_one_process_at_a_time_works_in_a_folder(album: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out" / RECORD):
        text = said(command("run", "flat", album, "-o", tmp_path / "out", "--jobs", "1"), code=3)
    assert "another process writes to it" in text


def test_json_has_every_file_and_why_it_failed(album: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "good.png")
    Image.new("CMYK", (8, 8)).save(tmp_path / "in" / "print.jpg")
    Image.new("RGB", (2000, 1000)).save(tmp_path / "in" / "large.png")
    (tmp_path / "in" / "cut.png").write_bytes((tmp_path / "in" / "good.png").read_bytes()[:40])
    (tmp_path / "in" / "a.txt").write_text("")
    text = said(
        command("run", "flat", tmp_path / "in", "-o", tmp_path / "out", "--json", "-j", "1", "--max-megapixels", "1"), 3
    )
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    about = {Path(row["input"]).name: (row["state"], row.get("reason")) for row in rows if "input" in row}
    assert about == {
        "good.png": ("done", None),
        "print.jpg": ("failed", "unsupported"),
        "large.png": ("failed", "limit"),
        "cut.png": ("failed", "corrupt"),
        "a.txt": ("left out", None),
    }
    assert rows[-1] == {"summary": {"left out": 1, "failed": 3, "done": 1}}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_cannot_be_said_ends_nothing(album: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = command("encode", "jpeg444", album / "year 0", "-o", tmp_path / "a", "-j", "1", stdout=full)
        assert "Traceback" not in process.communicate(timeout=120)[1]
    assert process.returncode == 3
    assert len(list((tmp_path / "a").rglob("*.jpg"))) == 8
    process = command("encode", "jpeg444", album / "year 0", "-o", tmp_path / "b", "-j", "1")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert "Traceback" not in process.stderr.read()
    assert process.wait(120) in (0, 3)
    assert len(list((tmp_path / "b").rglob("*.jpg"))) == 8


@pytest.mark.parametrize("name", ["Screenshot 10.11.12.png", "x" * 240 + ".png", "a'b\"c;.png", "-dash.png"])
def test_odd_names_are_done_or_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (16, 16), (9, 90, 200)).save(tmp_path / "in" / name)
    for words in (("run", "flat"), ("encode", "jpeg444"), ("optimize",)):
        out = tmp_path / words[0]
        process = command(*words, tmp_path / "in", "-o", out, "-j", "1", *OPTIONS[:1] * (words[0] == "run"))
        text = "".join(process.communicate(timeout=120))
        assert "Traceback" not in text
        done = [path for path in out.rglob("*") if path.is_file() and RECORD not in path.name]
        assert (process.returncode == 0 and done) or (process.returncode == 3 and name[:50] in text)


def test_no_room_is_said_before_anything_is_begun(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgredux.batch import engine
    from imgredux.batch.run import Run

    monkeypatch.setattr(engine, "SCARCE", 2**62)
    with pytest.raises(ImgreduxError, match="make room first"):
        list(engine.run(Run("flat"), [album], tmp_path / "out", jobs=1))


def test_one_large_file_shows_the_limit(tmp_path: Path) -> None:
    Image.new("L", (1000, 1000)).save(tmp_path / "big.png")
    text = said(command("run", "flat", tmp_path / "big.png", "-o", tmp_path / "m.png", "--max-megapixels", "0.5"), 3)
    assert "the image is 1000x1000, 1 megapixels; the limit is 0.5: --max-megapixels raises it" in text
