"""Files of JSON lines: rows that survive a kill, and processes that keep out of each other's way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from imgredux.errors import ImgreduxError
from imgredux.io.jsonl import Rows

NUMBERS = Rows("row of numbers", "n", lambda row: row["n"] + 0)
APPEND = """
import sys, time
from imgredux.errors import ImgreduxError
from imgredux.io.jsonl import Rows
rows = Rows("row of numbers", "n", lambda row: row["n"] + 0)
for _ in range(int(sys.argv[2])):
    while True:
        try:
            with rows.appending(sys.argv[1]) as (held, append):
                append({"n": len(held)})
            break
        except ImgreduxError:
            time.sleep(0.001)
"""


def test_rows_are_read_back_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "numbers.jsonl"
    assert NUMBERS.read(path) == []
    with NUMBERS.appending(path) as (held, append):
        assert held == []
        append({"n": 1, "text": "π"})
        append({"n": 2})
        assert NUMBERS.read(path) == [{"n": 1, "text": "π"}, {"n": 2}]
    with NUMBERS.appending(path) as (held, append):
        assert [row["n"] for row in held] == [1, 2]


@pytest.mark.parametrize("torn", [b'{"n', b'{"n": 3, "te', b"{", b'{"n": 3, "text": "\xcf'])
def test_a_torn_last_line_is_left_out_and_then_dropped(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_bytes(b'{"n": 1}\n' + torn)
    assert NUMBERS.read(path) == [{"n": 1}]
    assert path.read_bytes().endswith(torn)
    with NUMBERS.appending(path) as (_, append):
        append({"n": 2})
    assert path.read_bytes() == b'{"n": 1}\n{"n": 2}\n'


def test_a_whole_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_bytes(b'{"n": 1}')
    with NUMBERS.appending(path) as (held, append):
        assert held == [{"n": 1}]
        append({"n": 2})
    assert NUMBERS.read(path) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "content", [b"notes", b"notes\n", b'{"m": 1}\n', b'{"n": "one"}\n', b"[1]\n", b"\n", b"\x89PNG\n"]
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ImgreduxError, match="line 1: no row of numbers"), NUMBERS.appending(path):
        pass
    assert path.read_bytes() == content


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    with NUMBERS.appending(path), pytest.raises(ImgreduxError, match="another process writes to it"):
        NUMBERS.appending(path).__enter__()
    with NUMBERS.appending(path) as (_, append):
        append({"n": 0})


def test_processes_that_append_lose_no_line(tmp_path: Path) -> None:
    path, count = tmp_path / "numbers.jsonl", 300
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), str(count)]) for _ in range(2)]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [*range(2 * count)]


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    code = APPEND.replace(
        'append({"n": len(held)})', 'append({"n": len(held)}); print("in", flush=True); time.sleep(60)'
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path), "1"], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
    with NUMBERS.appending(path) as (held, _):
        assert held == [{"n": 0}]
