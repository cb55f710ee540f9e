"""Small files that ask for much memory: refused before it is taken, at every door.

    python -m tests.campaigns.bombs

Each is opened in a process of its own. It must end with an error of imgredux, within 300 MiB beyond what torch and
imgredux take, and within 10 seconds. Those that a format makes of an honest picture of the size allowed are listed
below, with what they take. Prints a Markdown table, and ends with exit code 1 where something does not hold. Linux.
"""

import io
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from imgredux.methods.stream import Stream, pack
from tests.io.made import chunk

MEMORY, SECONDS = 300, 10  # MiB, s
WIDE = 14_000  # pixels a side, just within the limit
BOMBS: dict[str, Callable[[], bytes]] = {}
CHILD = """
import re, sys, time, warnings
from pathlib import Path
import numpy, scipy.io, torch
import imgredux
from imgredux.cli import app
from imgredux.datasets import tables
from imgredux.io import decoding, images
warnings.simplefilter("ignore")
doors = {
    "image": decoding.open_image,
    "decode": lambda path: imgredux.decode(open(path, "rb").read()),
    "weights": lambda path: imgredux.get({"mat": "arcnn", "pth": "jiang2024"}.get(path[-3:], "ddjnd"), weights=path),
    "table": lambda path: (tables.read_mat if path.endswith("mat") else tables.read_xlsx)(path),
}
def peak():  # of this program alone: getrusage knows the peak of the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before, began = peak(), time.perf_counter()
try:
    found = doors[sys.argv[1]](sys.argv[2])
    said = f"opened {getattr(found, 'size', '')}"
except imgredux.ImgreduxError as error:
    said = f"{type(error).__name__}: {error}"
except BaseException as error:
    said = f"RAW {error!r}"
taken = (peak() - before) >> 10
print(f"{taken}\\t{time.perf_counter() - began:.1f}\\t{' '.join(said.split())}")
"""


def bomb(name: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """name: `door/file`."""

    def remember(make: Callable[[], bytes]) -> Callable[[], bytes]:
        BOMBS[name] = make
        return make

    return remember


def zeros(count: int) -> bytes:
    """So many zeros, deflated."""
    packer, step = zlib.compressobj(9), bytes(2**20)
    parts = [packer.compress(step[: min(2**20, count - at)]) for at in range(0, count, 2**20)]
    return b"".join(parts) + packer.flush()


def png(width: int, height: int, depth: int, color: int, bits: int, count: int | None = None) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = zeros((width * bits // 8 + 1) * height if count is None else count)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff(fields: dict[int, list[int]], body: bytes) -> bytes:
    """Little-endian; all numbers long, behind the picture's data at byte 8."""
    at = 8 + len(body)
    entries, more = b"", b""
    for tag, numbers in sorted(fields.items()):
        values = struct.pack(f"<{len(numbers)}I", *numbers)
        place = at + 2 + 12 * len(fields) + 4 + len(more)
        entries += struct.pack("<HHI", tag, 4, len(numbers)) + (
            values if len(values) == 4 else struct.pack("<I", place)
        )
        more += values if len(values) > 4 else b""
    return b"II*\0" + struct.pack("<I", at) + body + struct.pack("<H", len(fields)) + entries + bytes(4) + more


def flat(form: str, side: int, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side)).save(file, form, **options)
    return file.getvalue()


RGB = {258: [8, 8, 8], 259: [8], 262: [2], 277: [3]}
bomb("image/50k.png")(lambda: png(50_000, 50_000, 8, 2, 24, 10**6))
bomb("image/two_colors.png")(lambda: png(WIDE, 13_500, 1, 0, 1))
bomb("image/grey.png")(lambda: png(WIDE, 13_500, 8, 0, 8))
bomb("image/color16.png")(lambda: png(WIDE, 13_500, 16, 6, 64, 10**5))


@bomb("image/same_strip.tif")
def _() -> bytes:
    body, strips = zeros(13_000 * 50 * 3), 13_000 // 50
    sizes = {256: [13_000], 257: [13_000], 273: [8] * strips, 278: [50], 279: [len(body)] * strips}
    return tiff({**RGB, **sizes}, body)


@bomb("image/tile.tif")
def _() -> bytes:
    body = zeros(2**21)
    return tiff({**RGB, 256: [64], 257: [64], 322: [26_000], 323: [26_000], 324: [8], 325: [len(body)]}, body)


@bomb("image/fax.tif")
def _() -> bytes:
    body = b"\xff" * 1700
    sizes = {256: [WIDE], 257: [13_500], 273: [8], 278: [13_500], 279: [len(body)]}
    return tiff({258: [1], 259: [4], 262: [0], 277: [1], **sizes}, body)


@bomb("image/planes.tif")
def _() -> bytes:
    body = zeros(2**20)
    sizes = {256: [WIDE], 257: [WIDE], 273: [8] * 3, 278: [WIDE], 279: [len(body)] * 3, 284: [2]}
    return tiff({**RGB, **sizes}, body)


bomb("image/canvas.webp")(lambda: flat("WEBP", WIDE, lossless=True))
bomb("image/flat.avif")(lambda: flat("AVIF", 8000, speed=10))
bomb("image/flat.jp2")(lambda: flat("JPEG2000", 8000))
bomb("image/flat.gif")(lambda: flat("GIF", WIDE, "L"))


@bomb("image/icon.ico")
def _() -> bytes:
    inside = png(20_000, 20_000, 8, 6, 32, 10**6)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inside), 22) + inside


@bomb("image/frames.gif")
def _() -> bytes:
    file, frames = io.BytesIO(), [Image.new("P", (4000, 4000), index % 200) for index in range(30)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@bomb("image/text.png")
def _() -> bytes:
    texts = b"".join(chunk(b"zTXt", b"Comment\0\0" + zeros(10**8)) for _ in range(4))
    whole = png(8, 8, 8, 2, 24)
    return whole[:33] + texts + whole[33:]


@bomb("image/profile.png")
def _() -> bytes:
    whole = png(8, 8, 8, 2, 24)
    return whole[:33] + chunk(b"iCCP", b"it\0\0" + zeros(10**9)) + whole[33:]


def stream(width: int, height: int, content: bytes, alpha: bool = False, method: str = "jpeg444") -> bytes:
    whole = Stream(
        method=method,
        tag="",
        digest=bytes(8),
        width=width,
        height=height,
        channels=3,
        depth=8,
        payload={"file": content},
        alpha=bytes(width * height) if alpha else None,
    )
    return pack(whole)


bomb("decode/larger_than_it_says.irx")(lambda: stream(8, 8, flat("JPEG", 9000)))
bomb("decode/many_pixels.irx")(lambda: stream(60_000, 60_000, flat("JPEG", 8)))
bomb("decode/many_pixels_webp.irx")(lambda: stream(WIDE, WIDE, flat("JPEG", 8), method="webp"))
bomb("decode/flat.webp")(lambda: flat("WEBP", WIDE, lossless=True))


@bomb("weights/zeros.pth")
def _() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({}))
        archive.writestr("weights/data/0", bytes(10**9))
    return file.getvalue()


@bomb("weights/zeros.mat")
def _() -> bytes:
    body = zeros(10**9)
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(body)) + body


@bomb("weights/wide.safetensors")
def _() -> bytes:
    header = b'{"__metadata__": {"imgredux.options": "{\\"width\\": 60000}"}, "a": {"dtype": "F32", "shape": [1], '
    header += b'"data_offsets": [0, 4]}}'
    return struct.pack("<Q", len(header)) + header + bytes(4)


bomb("weights/header.safetensors")(lambda: struct.pack("<Q", 2**40) + b"{" * 100)
bomb("table/zeros.mat")(BOMBS["weights/zeros.mat"])


@bomb("table/sheet.xlsx")
def _() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        book.writestr("xl/worksheets/sheet1.xml", b"<sheet>" + b" " * 10**9)
    return file.getvalue()


# What is read, because a picture of the size allowed may be so, and what it must stay within, in MiB.
READ = {"image/grey.png": 300, "image/flat.gif": 300, "image/frames.gif": 300, "image/text.png": 300}


def opened(door: str, path: Path) -> tuple[int, float, str]:
    """MiB and seconds that a door takes for a file, and what it says."""
    line = [sys.executable, "-c", CHILD, door, str(path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        return 0, 0.0, f"RAW exit code {done.returncode}: {done.stderr[-200:]}"
    taken, seconds, said = done.stdout.splitlines()[-1].split("\t")
    return int(taken), float(seconds), said


def main() -> None:
    problems = 0
    print("| door and file | bytes | MiB | s | what is said |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bombs-") as folder:
        for name, make in BOMBS.items():
            door, _, file = name.partition("/")
            path = Path(folder) / file
            path.write_bytes(make())
            taken, seconds, said = opened(door, path)
            wrong = said.startswith("RAW") or (said.startswith("opened") and name not in READ)
            wrong |= taken > READ.get(name, MEMORY) or seconds > SECONDS
            problems += wrong
            said = said.replace(str(path), file).replace("|", "/")[:110]
            print(
                f"| {name} | {path.stat().st_size} | {taken} | {seconds} | {'**' if wrong else ''}{said} |", flush=True
            )
            path.unlink()
    print(f"\n{len(BOMBS)} bombs, {problems} do not hold")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
