"""Streams of strangers, decoded in a process of its own with limits of memory and time.

The two talk in bytes that carry no code: a line of JSON, then what it counts. Where the system has no such limits, as
Windows, time alone is limited. Imports no torch of its own.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image

from imgredux.errors import StreamError, reason_of
from imgredux.io import deep

if TYPE_CHECKING:
    Decoded = Image.Image | np.ndarray

SECONDS = 60.0  # that a stream may take, torch's own start included
MEMORY = 2**31  # bytes beyond what the process has when it begins
MOST = 2**26  # bytes of metadata that are given back
_CHILD = "from imgredux import dispatch; from imgredux.methods import apart; apart.serve(dispatch.decode)"
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")
_BYTES = ("icc_profile", "exif", "xmp")


def decode(data: bytes, max_pixels: int, *, seconds: float = SECONDS, memory: int = MEMORY) -> "Decoded":
    """What `imgredux.decode` makes of the data, on the CPU, of methods that distributions bring.

    Raises StreamError as that does, and of reason "limit" for a stream that takes more than `seconds` or `memory`, and
    "corrupt" for one that ends the process.
    """
    asked = json.dumps(
        {"max_pixels": max_pixels, "memory": memory, "output": 8 * max_pixels + MOST, "seconds": seconds}
    )
    with tempfile.TemporaryFile() as answer:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _CHILD],
                input=asked.encode() + b"\n" + data,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StreamError(f"the stream takes more than {seconds:g} s to decode", "limit") from error
        answer.seek(0)
        if done.returncode != 0:
            raise _ended(done.returncode, seconds)
        return _taken(answer, max_pixels)


def serve(decode: "Callable[..., Decoded]") -> None:
    """In the process of its own: decode what comes in, and answer."""
    import torch  # before the limit of memory, which is one beyond it

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    asked = json.loads(sys.stdin.buffer.readline())
    _limit(asked["memory"], asked["output"], asked["seconds"])
    about: dict[str, Any]
    parts: list[bytes] = []
    try:
        with torch.no_grad():
            found = decode(sys.stdin.buffer.read(), max_pixels=asked["max_pixels"])
    except StreamError as error:
        about = {"error": str(error), "reason": error.reason}
    except MemoryError:
        about = {"error": "the stream takes more memory than is allowed to decode", "reason": "limit"}
    except Exception as error:  # torch raises RuntimeError where memory ends
        reason = "limit" if reason_of(error) == "memory" else "corrupt"
        about = {"error": f"the stream cannot be decoded: {type(error).__name__}: {error}", "reason": reason}
    else:
        about, parts = _packed(found)
    out.write(json.dumps(about).encode() + b"\n" + b"".join(parts))
    out.close()


def _limit(memory: int, output: int, seconds: float) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError):  # macOS, which does not say what a process has
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = (int(seconds) + 1) * (os.cpu_count() or 1)  # of all threads together
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def _packed(found: "Decoded") -> tuple[dict[str, Any], list[bytes]]:
    """What is told of a result, and its bytes: samples, then the image or array, then metadata."""
    if isinstance(found, np.ndarray):
        return {"dtype": found.dtype.name, "shape": found.shape}, [found.tobytes()]
    samples = deep.samples_of(found)
    info = {key: found.info[key] for key in _BYTES if isinstance(found.info.get(key), bytes)}
    about: dict[str, Any] = {"mode": found.mode, "size": found.size, "bytes": {key: len(info[key]) for key in info}}
    about |= {"texts": found.info.get("texts"), "palette": found.getpalette() if found.mode == "P" else None}
    about |= {"channels": 0 if samples is None else samples.shape[2]}
    about |= {"dpi": [float(n) for n in found.info["dpi"]] if "dpi" in found.info else None}
    return about, [b"" if samples is None else samples.tobytes(), found.tobytes(), *info.values()]


def _taken(answer: BinaryIO, max_pixels: int) -> "Decoded":
    try:
        about = json.loads(answer.readline(MOST))
        refused = StreamError(str(about["error"]), str(about["reason"])) if "error" in about else None
        if refused is None and "shape" in about:
            shape = tuple(int(n) for n in about["shape"])
            dtype = np.dtype({"uint8": "uint8", "uint16": "uint16"}[about["dtype"]])
            if len(shape) not in (2, 3) or shape[0] * shape[1] > max_pixels or (*shape, 1)[2] > 4:
                raise ValueError(f"an array of shape {shape}")
            return np.frombuffer(answer.read(), dtype).reshape(shape).copy()
        if refused is None:
            return _image(about, answer, max_pixels)
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # a process that was taken over may say anything
        raise StreamError(f"the process that decodes gives no image: {error}", "corrupt") from error
    raise refused


def _image(about: Mapping[str, Any], answer: BinaryIO, max_pixels: int) -> Image.Image:
    width, height = (int(n) for n in about["size"])
    if about["mode"] not in _MODES or not 0 < width * height <= max_pixels or about["channels"] not in (0, 2, 3, 4):
        raise ValueError(f"mode {about['mode']!r}, size {(width, height)}")
    image = Image.new(about["mode"], (width, height))
    count = 2 * width * height * about["channels"]
    samples = np.frombuffer(answer.read(count), np.uint16).reshape(height, width, -1).copy() if count else None
    image.frombytes(answer.read(len(image.tobytes())))
    if about["palette"]:
        image.putpalette([int(n) for n in about["palette"]])
    for key in _BYTES:
        if key in about["bytes"]:
            image.info[key] = answer.read(min(int(about["bytes"][key]), MOST))
    if about["texts"]:
        image.info["texts"] = {str(key): str(value) for key, value in about["texts"].items()}
    if about["dpi"]:
        image.info["dpi"] = tuple(float(n) for n in about["dpi"])
    return deep.with_samples(image, samples)


def _ended(code: int, seconds: float) -> StreamError:
    if code in (-getattr(signal, "SIGXCPU", 0), -getattr(signal, "SIGKILL", 0)):
        return StreamError(
            f"the stream takes more than {seconds:g} s, or more memory than there is, to decode", "limit"
        )
    if code == -getattr(signal, "SIGXFSZ", 0):
        return StreamError("the stream decodes to more than is allowed", "limit")
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return StreamError(f"the process that decodes the stream ended with {how}", "corrupt")
