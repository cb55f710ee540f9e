"""Files that are either whole or not there, and images written without loss of what goes with them."""

from pathlib import Path

import pytest
from PIL import Image

from imgredux import ImageError
from imgredux.io.files import atomic, sweep, write_image
from imgredux.testing.process import run_python


def half_written(path: Path, fault: BaseException) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise fault


def test_what_a_format_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="JPEG does not hold PIL mode 'RGBA'"):
        write_image(tmp_path / "a.jpg", Image.new("RGBA", (4, 4)))
    with pytest.raises(ImageError, match=r"not written as \.xyz: use \.png"):
        write_image(tmp_path / "a.xyz", Image.new("RGB", (4, 4)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(1)])
def test_a_write_that_fails_midway_leaves_nothing(tmp_path: Path, fault: BaseException) -> None:
    folder = tmp_path
    before = set(folder.iterdir())
    (folder / "old.png").write_text("old")
    for name in ("new.png", "old.png"):
        with pytest.raises(type(fault)):
            half_written(folder / name, fault)
    assert set(folder.iterdir()) == before | {folder / "old.png"}
    assert (folder / "old.png").read_text() == "old"


def test_a_killed_process_leaves_no_file_under_the_final_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from imgredux.io.files import atomic\n"
        "with atomic(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with pytest.raises(AssertionError, match="signal 9"):
        run_python(code, str(tmp_path / "map.png"))
    assert not (tmp_path / "map.png").exists()
    (left,) = tmp_path.iterdir()
    (tmp_path / "mine.tmp").write_text("not ours")
    sweep([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.tmp"]
    assert left.name.startswith(".imgredux-")
