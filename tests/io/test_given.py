"""Images in every form: files as paths, bytes and open files; arrays of other libraries."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import imgredux
from imgredux.errors import ImageError
from imgredux.io.given import taken
from imgredux.io.images import read
from imgredux.testing.inputs import as_jpeg, sample_image


class Rooms:
    """An array of a library that NumPy knows how to ask."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        return self.array


class Handed:
    """An array that DLPack alone hands over; asked by NumPy's way it refuses, as those on a GPU do."""

    def __init__(self, array: np.ndarray) -> None:
        self.tensor = torch.from_numpy(array)

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError("implicit conversion is not allowed")

    def __dlpack__(self, **options: Any) -> Any:
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


@contextmanager
def closing(given: Any) -> Iterator[Any]:
    """What was given, closed afterwards where it can be."""
    yield given
    if hasattr(given, "close"):
        given.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A JPEG of quality 20."""
    path = tmp_path / "damaged.jpg"
    as_jpeg(sample_image(), 20).save(path, quality="keep")
    return path


FILES: dict[str, Callable[[Path], Any]] = {
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
    "pipe": lambda path: Pipe(path.read_bytes()),
}


@pytest.mark.parametrize("form", FILES)
def test_a_file_in_any_form_is_as_its_path(file: Path, form: str) -> None:
    with closing(FILES[form](file)) as given:
        expected, source = read(file, stored=True), read(given, stored=True)
    assert torch.equal(source.x, expected.x)
    assert source.qtable is not None
    assert expected.qtable is not None
    assert torch.equal(source.qtable, expected.qtable)
    assert (source.subsampling, source.file) == (expected.subsampling, expected.file)


@pytest.mark.parametrize("form", FILES)
def test_methods_take_files_in_any_form(file: Path, form: str) -> None:
    def same(call: Callable[[Any], Any]) -> Any:
        with closing(FILES[form](file)) as given:
            found = call(given)
        assert np.array_equal(np.asarray(found), np.asarray(call(file)))
        return found

    jnd = same(imgredux.get("localstd"))
    assert isinstance(same(imgredux.get("slidingdct")), Image.Image)
    assert isinstance(same(imgredux.restore), Image.Image)
    assert isinstance(same(imgredux.get("jndjpeg").encode), bytes)
    assert isinstance(same(lambda image: imgredux.inject(image, jnd, 30).image), Image.Image)


def test_a_file_is_read_from_its_start_and_left_where_it_stood(file: Path) -> None:
    held = io.BytesIO(file.read_bytes())
    held.seek(100)
    assert torch.equal(read(held).x, read(file).x)
    assert held.tell() == 100
    held.seek(0, io.SEEK_END)
    assert torch.equal(read(held).x, read(file).x)


@pytest.mark.parametrize("form", [Rooms, Handed])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_array_likes_are_arrays(form: type, dtype: type) -> None:
    pixels = sample_image().astype(dtype) / (255 if dtype is np.float32 else 1)
    pixels = pixels.astype(dtype)
    given = imgredux.get("localstd")(form(pixels))
    assert np.array_equal(given, imgredux.get("localstd")(pixels))
    restored = imgredux.restore(form(pixels))
    assert isinstance(restored, np.ndarray)
    assert restored.dtype == dtype
    assert np.array_equal(restored, imgredux.restore(pixels))


def test_limits_are_those_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    held = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(held, "PNG")
    for form in (held.getvalue(), held):
        with pytest.raises(ImageError, match=r"the limit is 200") as caught:
            taken(form)
        assert caught.value.reason == "limit"


@pytest.mark.parametrize("thing", [[[0.5]], (1, 2), 3, None, np.ndarray, {"a": 1}, torch.zeros(3, 8, 8)])
def test_nothing_else_is_an_image(thing: Any) -> None:
    with pytest.raises(ImageError, match=f"{type(thing).__name__} is no image"):
        read(thing)


def test_a_closed_file_is_one_line() -> None:
    held = io.BytesIO()
    held.close()
    with pytest.raises(ImageError, match="BytesIO: cannot be read as an image"):
        read(held)
