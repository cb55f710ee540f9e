"""A job in parts for several machines, and on Ray: nothing lost, nothing double."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgredux import ImgreduxError
from imgredux.batch import engine
from imgredux.batch.outputs import FileResult, Target
from imgredux.batch.record import RECORD, ROWS, recording
from imgredux.batch.run import Run
from imgredux.io.jsonl import locked
from imgredux.io.shards import Shard, parts_of


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("album")
    noise = np.random.default_rng(0)
    for index in range(20):
        (root / f"day {index % 3}").mkdir(exist_ok=True)
        image = Image.fromarray(noise.integers(0, 256, (24, 24, 3), np.uint8))
        image.save(root / f"day {index % 3}" / f"img {index // 2}.{('png', 'jpg')[index % 2]}")
    (root / "notes.txt").write_text("no image")
    return root


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.png")
        if path.is_file() and not path.name.startswith(".")
    }


def made(results: Iterable[FileResult]) -> int:
    """How many files were done now."""
    return sum(result.made for result in results if not result.error and not result.left_out)


def done(folder: Path) -> list[str]:
    """The inputs that the record says are done, once for each row."""
    return [row["input"] for row in ROWS.read_all(folder / RECORD) if "sha256" in row]


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ImgreduxError, match="as 3/16"):
        Shard.parse(text)


@pytest.mark.parametrize("parts", [1, 3, 16])
def test_every_name_is_of_one_part(parts: int) -> None:
    names = [f"folder {n}/image {n}.png" for n in range(400)] + ["\udcff.jpg", "ü.png"]
    shares = [[name for name in names if Shard(number, parts).has(name)] for number in range(1, parts + 1)]
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert max(map(len, shares)) < 2 * len(names) / parts


def test_parts_together_make_what_the_whole_makes(album: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert all(result.made or result.left_out for result in engine.run(Run("flat"), [album], whole, jobs=1))
    results = []
    for number in (2, 3, 1):
        found = engine.run(Run("flat"), [album], parts, jobs=1, shard=Shard(number, 3))
        some = [*found]
        assert found.total == sum(result.left_out is None for result in some)
        results += some
    assert [result.left_out for result in results].count(None) == 20
    assert len(results) == 21  # what is left out is said once
    assert not any(result.error for result in results)
    assert outputs(parts) == outputs(whole)
    assert len(done(parts)) == len({*done(parts)}) == 20
    assert len(parts_of(parts / RECORD)) == 3
    # A part that is taken again, and another split, find everything done.
    for shard in (Shard(2, 3), Shard(1, 2), Shard(2, 2)):
        assert not made(engine.run(Run("flat"), [album], parts, jobs=1, shard=shard))
    # So does the whole, which takes the parts in.
    assert not made(engine.run(Run("flat"), [album], parts, jobs=1))
    assert not parts_of(parts / RECORD)
    assert [path.name for path in parts.iterdir() if "-of-" in path.name] == []
    assert sorted(done(parts)) == sorted(done(whole))


def test_a_part_is_taken_by_one_process_and_the_whole_by_none_meanwhile(album: Path, tmp_path: Path) -> None:
    with recording(tmp_path / "out", "run flat", {}, Shard(1, 2)):
        for shard in (Shard(1, 2), None):
            with pytest.raises(ImgreduxError, match="another process writes to it"):
                list(engine.run(Run("flat"), [album], tmp_path / "out", jobs=1, shard=shard))
        assert made(engine.run(Run("flat"), [album], tmp_path / "out", jobs=1, shard=Shard(2, 2)))


def test_no_part_begins_while_the_whole_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgredux.io.jsonl.PATIENCE", 0.1)
    (tmp_path / "out").mkdir()
    with (
        locked(tmp_path / "out" / RECORD),
        pytest.raises(ImgreduxError, match="another process writes to it"),
        recording(tmp_path / "out", "run flat", {}, Shard(1, 2)),
    ):
        pass


def test_one_file_has_no_parts(album: Path, tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match="part of a folder's files"):
        engine.run(Run("flat"), [album / "day 0" / "img 0.png"], tmp_path / "one.png", shard=Shard(1, 2))


def test_a_killed_part_goes_on(album: Path, tmp_path: Path) -> None:
    code = f"""
import os, signal
from imgredux.batch import engine
from imgredux.batch.run import Run
from imgredux.io.shards import Shard
results = engine.run(Run("flat"), [{str(album)!r}], {str(tmp_path / "out")!r}, jobs=1, shard=Shard(1, 2))
for number, _ in enumerate(results):
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    before = len(done(tmp_path / "out"))
    assert before > 0
    again = [
        result
        for shard in (Shard(1, 2), Shard(2, 2))
        for result in engine.run(Run("flat"), [album], tmp_path / "out", jobs=1, shard=shard)
        if result.left_out is None
    ]
    assert not any(result.error for result in again)
    assert sum(not result.made for result in again) == before
    assert len(done(tmp_path / "out")) == 20


def test_the_command_takes_a_part(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for part, code in (("1/2", 0), ("2/2", 0), ("3/2", 2)):
        line = [sys.executable, "-m", "imgredux", "run", "flat", album, "-o", out, "-j", "1", "--shard", part, "--json"]
        ended = subprocess.run(line, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        if code == 0:
            assert json.loads(ended.stdout.splitlines()[-1])["summary"]["done"] > 3
    assert len(outputs(out)) == 20


class Fragile(engine.Work):
    """Copies a file. "deadly" ends its process each time; "late" once, when its output is there already."""

    task, settings = "fragile", {}
    suffixes = (".txt",)

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def start(self) -> None:
        pass

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [f"{place}.out"]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        output = target.main(".out")
        if path.stem == "bad":
            raise ImgreduxError("it is bad")
        if path.stem == "deadly":
            os._exit(1)
        output.write_bytes(path.read_bytes())
        if path.stem == "late" and not self.marker.exists():
            self.marker.write_text("")
            os._exit(1)
        return {"process": os.getpid()}


def texts(folder: Path) -> Path:
    folder.mkdir()
    for name in ("late", "deadly", "bad", "stranger", *(f"file {n}" for n in range(8))):
        (folder / f"{name}.txt").write_text(name)
    return folder


@pytest.mark.parametrize("where", ["processes", "ray"])
def test_workers_that_die_lose_nothing_and_overwrite_nothing(tmp_path: Path, where: Any) -> None:
    if where == "ray":
        pytest.importorskip("ray.data", reason="Ray is not installed")
    inputs, out = texts(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    (out / "stranger.out").write_text("not ours")
    results = {
        result.input.stem: result
        for result in engine.run(Fragile(tmp_path / "marker"), [inputs], out, jobs=2, engine=where)
    }
    assert len(results) == 12
    errors = {name: result.error for name, result in results.items() if result.error}
    # Where Ray gives "late" to the worker that "deadly" ended, the try that it has left is the one that it dies of.
    unlucky = {"late"} & {*errors} if where == "ray" else set()
    assert {*errors} == {"deadly", "bad", "stranger"} | unlucky
    assert "ended from outside" in str(errors["deadly"])
    assert errors["bad"] == "it is bad"
    assert "not made here" in str(errors["stranger"])
    assert (out / "stranger.out").read_text() == "not ours"
    assert all((out / f"{name}.out").read_text() == name for name in results if name not in errors)
    assert os.getpid() not in {result.facts["process"] for result in results.values() if not result.error}
    again = engine.run(Fragile(tmp_path / "marker"), [inputs], out, jobs=2, engine=where)
    assert made(again) == len(unlucky)


def test_ray_makes_what_processes_make(album: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="Ray is not installed")
    for where in ("processes", "ray"):
        line = [sys.executable, "-m", "imgredux", "run", "wei2009", album, "-o", tmp_path / where, "-j", "2"]
        ended = subprocess.run([*line, "--engine", where], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert "imgredux: 20 files: 20 done, 1 left out" in ended.stderr
        assert not ended.stdout
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "processes")
    assert sorted(done(tmp_path / "ray")) == sorted(done(tmp_path / "processes"))


def test_without_ray_the_engine_says_what_to_install(album: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImgreduxError, match=r"pip install imgredux\[ray\]"):
        list(engine.run(Run("flat"), [album], tmp_path / "out", engine="ray"))
