"""Every row of the table of bad input in docs/reference/contract.md: users get the error that the page promises."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import imgredux

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contract.md"
ROW = re.compile(r"^\| (?P<given>[^|]+) \| (?P<error>\w+Error|UnknownMethod) \| `(?P<text>[^`]+)` \|$", re.MULTILINE)
ROWS = {match["given"]: match for match in ROW.finditer(PAGE.read_text("utf-8"))}


class Broken:
    """An array of a library that cannot give it."""

    def __array__(self, *_: object) -> np.ndarray:
        raise TypeError("the array is on a device")


RGB = np.full((16, 24, 3), 0.5)
CASES: dict[str, Callable[[Path], object]] = {}


def case(given: str) -> Callable[[Callable[[Path], object]], None]:
    def remember(action: Callable[[Path], object]) -> None:
        CASES[given] = action

    return remember


def estimate(given: str, make: Callable[[], object], method: str = "flat") -> None:
    CASES[given] = lambda _: imgredux.get(method)(make())


estimate("an array `(H, W, 5)`", lambda: np.zeros((4, 6, 5), np.uint8))
estimate("an array `(3, H, W)`", lambda: np.zeros((3, 16, 24), np.uint8))
estimate("an array of one dimension", lambda: np.zeros(12, np.uint8))
estimate("an array with no pixel", lambda: np.zeros((0, 5), np.uint8))
estimate("an int32 array", lambda: np.zeros((4, 6), np.int32))
estimate("a bool array", lambda: np.zeros((4, 6), bool))
estimate("an array of objects", lambda: np.full((4, 6), None, object))
estimate("a float array in 0..255", lambda: RGB * 255)
estimate("a float array with negative values", lambda: np.array([[-0.5, 1.0]]))
estimate("a float array with NaN", lambda: np.array([[np.nan, 0.5]]))
estimate("a float array with infinity", lambda: np.array([[np.inf, 0.5]]))
estimate("a tensor of two dimensions", lambda: torch.zeros(4, 6))
estimate("a uint8 tensor", lambda: torch.zeros(3, 4, 6, dtype=torch.uint8))
estimate("a tensor with channels last", lambda: torch.zeros(2, 16, 24, 3))
estimate("a tensor with two channels", lambda: torch.zeros(1, 2, 16, 24))
estimate("an empty batch", lambda: torch.zeros(0, 3, 16, 24))
estimate("a float16 tensor to a method without half", lambda: torch.zeros(1, 1, 8, 8).half(), "wu2013")
estimate(
    "a tensor that requires a gradient to a method without one",
    lambda: torch.zeros(1, 1, 8, 8, requires_grad=True),
    "wu2013",
)
estimate("a tensor with NaN to a method that decides by it", lambda: torch.full((1, 1, 16, 16), torch.nan), "wei2009")
estimate("a list", lambda: [[0.5, 0.5]])
estimate("None", lambda: None)
estimate("a file opened as text", lambda: io.StringIO("no image"))
estimate("bytes that are no image file", lambda: b"no image")
estimate("an array-like that gives no array", Broken)
for mode in ("CMYK", "LAB", "YCbCr", "HSV", "RGBa"):
    estimate(f"a PIL image in {mode}", lambda mode=mode: Image.new(mode, (6, 4)))
estimate("a PIL image of 32-bit integers", lambda: Image.new("I", (6, 4)))
estimate("a PIL image of floats", lambda: Image.new("F", (6, 4)))


def picture(path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def cut(path: Path) -> Path:
    content = picture(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def bomb(path: Path) -> Path:
    """A PNG header of 50,000 x 50,000 pixels and nothing behind it."""
    content = bytearray(picture(path).read_bytes())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return written(path, bytes(content))


case("a path where no file is")(lambda tmp: imgredux.get("flat")(tmp / "none.png"))
case("a path to a folder")(lambda tmp: imgredux.get("flat")(tmp))
case("a text file")(lambda tmp: imgredux.get("flat")(written(tmp / "a.png", b"no image")))
case("an empty file")(lambda tmp: imgredux.get("flat")(written(tmp / "a.png", b"")))
case("a truncated PNG")(lambda tmp: imgredux.get("flat")(cut(tmp / "a.png")))
case("a truncated JPEG")(lambda tmp: imgredux.get("flat")(cut(tmp / "a.jpg")))
case("a file of more than 200 megapixels")(lambda tmp: imgredux.get("flat")(bomb(tmp / "a.png")))
case("a name that no method has")(lambda _: imgredux.get("nosuchthing"))
case("a misspelt name")(lambda _: imgredux.get("wei_2009"))
case("a tag that a method does not have")(lambda _: imgredux.get("flat.q10"))
case("a method that must learn and ships no weights")(lambda _: imgredux.get("dncnn"))
case("a file of weights that is not there")(lambda tmp: imgredux.get("flat", weights=tmp / "w.safetensors"))
case("a file of weights that is none")(
    lambda tmp: imgredux.get("flat", weights=written(tmp / "w.safetensors", b"<html>404</html>"))
)
case("a keyword that the constructor lacks")(lambda _: imgredux.create("flat", color="red"))
case("tiles of a method that needs the whole image")(lambda _: imgredux.tiled(imgredux.get("wei2009"), RGB))
case("a noise target of zero")(lambda _: imgredux.inject(RGB, RGB[..., 0].astype(np.float32), 0))
case("noise shaped by a map of zeros")(lambda _: imgredux.inject(RGB, np.zeros((16, 24), np.float32), 16))
case("a map of another size")(lambda _: imgredux.inject(RGB, np.ones((7, 9), np.float32), 16))
case("a stream of no bytes")(lambda _: imgredux.decode(b""))


@case("a quality of 0")
def _(_: Path) -> None:
    declared("contract-grey", "restorer", GrayRestorer, (1,))(RGB[..., 0], quality=0)


case("a tensor to `restore`")(lambda _: imgredux.restore(torch.zeros(1, 1, 8, 8)))  # pyright: ignore[reportArgumentType]


@case("a JPEG to `restore` where no restorer is")
def _(tmp: Path) -> None:
    Image.new("L", (16, 16)).save(tmp / "a.jpg", quality=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(imgredux.registry._plugins.known, "method", {})
        patch.setattr(imgredux.registry, "installed", lambda family: {})
        patch.setattr(imgredux.registry, "the_one", lambda family, name: None)
        imgredux.restore(tmp / "a.jpg")


@case("a method named auto")
def _(_: Path) -> None:
    imgredux.Spec(**{**vars(imgredux.info("flat").spec), "name": "auto"})


@case("gains at a quality of 101")
def _(_: Path) -> None:
    imgredux.Spec(**{**vars(imgredux.info("flat").spec), "gains": {"y": {101: 1.0}}})


@case("a second method under one name")
def _(_: Path) -> None:
    imgredux.register(imgredux.Spec(**{**vars(imgredux.info("flat").spec), "title": "another"}))


@case("a method built without the registry")
def _(_: Path) -> None:
    class Bare(imgredux.Estimator):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    Bare()(RGB)


class GrayRestorer(imgredux.Restorer):
    def forward(self, x: torch.Tensor, *, qtable: torch.Tensor | None = None) -> torch.Tensor:
        return x


class RawCodec(imgredux.Codec):
    """Keeps eight bits a sample."""

    def forward(self, x: torch.Tensor) -> imgredux.Coded:
        return imgredux.Coded((x * 255).round() / 255, x.new_full((len(x),), 8.0 * x[0].numel()))

    def compress(self, x: torch.Tensor) -> dict[str, bytes]:
        return {"samples": (x * 255).round().byte().numpy().tobytes()}

    def decompress(self, payload: dict[str, bytes], shape: tuple[int, int, int]) -> torch.Tensor:
        return torch.frombuffer(bytearray(payload["samples"]), dtype=torch.uint8).reshape(1, *shape) / 255


def declared(name: str, kind: str, cls: type, channels: tuple[int, ...]) -> imgredux.Method:
    imgredux.register(
        imgredux.Spec(
            name=name,
            kind=kind,
            target=f"{__name__}:{cls.__name__}",
            title="a toy",
            paper="none",
            license="Apache-2.0",
            channels=channels,
        )
    )
    method = cls()
    method.spec = imgredux.info(name).spec
    return method


@case("colour to a greyscale Restorer")
def _(_: Path) -> None:
    declared("contract-grey", "restorer", GrayRestorer, (1,))(RGB)


@case("a batch to encode")
def _(_: Path) -> None:
    declared("contract-raw", "codec", RawCodec, (1, 3)).encode(torch.zeros(2, 3, 8, 8))


@case("a stream cut short")
def _(_: Path) -> None:
    codec = declared("contract-raw", "codec", RawCodec, (1, 3))
    codec.decode(codec.encode(RGB)[:-9])


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert sorted(CASES) == sorted(ROWS)


@pytest.mark.parametrize("given", ROWS)
def test_the_error_is_the_one_the_page_promises(given: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=re.escape(ROWS[given]["text"])) as caught:
        CASES[given](tmp_path)
    names = [cls.__name__ for cls in type(caught.value).__mro__]
    assert names[0] == ROWS[given]["error"]
    assert "ImgreduxError" in names or names[0] in ("TypeError", "ValueError")
