"""Corrupted streams of every kind against the decoder: each must be refused, or give the very image.

python -m tests.benchmarks.fuzz_streams [--count 20000] [--seed 0] [--method jndlc]

Half of them are cut, flipped, lengthened, shuffled or foreign bytes; half are in good order for the container, with
checksums made anew, over parts and headers that nobody wrote. A process of its own decodes them with a limit on its
memory; a signal, a hang, another error than StreamError and a wrong image are counted, and make the exit code 1.
"""

import argparse
import collections
import multiprocessing
import random
import resource
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from skimage import data

import imgredux
from imgredux.errors import StreamError
from imgredux.methods import stream

SLOW = 20.0  # seconds for one stream
MEMORY = 3 * 2**30  # bytes of address space beyond what the process has when it begins


def sources(method: str) -> list[bytes]:
    """Streams of photographs: colour, grey, with alpha; in one tile and in several."""
    codec = imgredux.get(method)
    cat = np.ascontiguousarray(data.chelsea()[40:168, 60:260])
    rgba = np.dstack([cat, cat[..., 0]])
    return [codec.encode(cat), codec.encode(cat[..., 1]), codec.encode(rgba), codec.encode(cat[:5, :3])]


def mutated(draw: random.Random, streams: list[bytes]) -> bytes:
    """Bytes that are damaged, or well-formed and wrong."""
    good = bytearray(draw.choice(streams))
    kind = draw.randrange(12)
    if kind == 0:
        return bytes(good[: draw.randrange(len(good))])
    if kind == 1:
        for _ in range(draw.randrange(1, 9)):
            good[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
        return bytes(good)
    if kind == 2:
        at = draw.randrange(8, len(good) - 4)
        good[at : at + 4] = struct.pack("<I", draw.choice((0, 1, 2**31, 2**32 - 1, draw.getrandbits(32))))
        return bytes(good)
    if kind == 3:
        a, b = sorted(draw.randrange(8, len(good)) for _ in range(2))
        return bytes(good[:8] + good[b:] + good[8:a] + good[a:b])
    if kind == 4:
        return draw.randbytes(draw.randrange(400))
    if kind == 5:
        return bytes(good) + draw.randbytes(draw.randrange(1, 50))
    whole = stream.unpack(bytes(good))
    payload = dict(whole.payload)
    key = draw.choice(list(payload))
    part = bytearray(payload[key])
    if kind == 6:
        sides = {"width": draw.randrange(1, 600), "height": draw.randrange(1, 600)}
        sides = draw.choice((sides, {"width": 2**14, "height": 2**14}))
        return stream.pack(replace(whole, **sides, alpha=None))
    if kind == 7:
        return stream.pack(replace(whole, payload={draw.choice(("tiles", "file", "x")): draw.randbytes(len(part))}))
    if kind == 8:
        part = part[: draw.randrange(len(part))]
    elif kind == 9:
        part += draw.randbytes(draw.randrange(1, 99))
    elif kind == 10:
        at = draw.randrange(len(part))
        word = struct.pack("<I", draw.choice((0, 1, 2**31, 2**32 - 1, draw.getrandbits(32))))
        part[at : at + 4] = word[: len(part) - at]
    else:
        for _ in range(draw.randrange(1, 6)):
            part[draw.randrange(len(part))] ^= 1 << draw.randrange(8)
    return stream.pack(replace(whole, payload={**payload, key: bytes(part)}))


def child(connection, streams: list[bytes]) -> None:
    """Decode what comes in, and answer with what came of it."""
    pictures = [np.asarray(imgredux.decode(one)) for one in streams]
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    while (coded := connection.recv()) is not None:
        try:
            image = imgredux.decode(coded)
        except StreamError as error:
            connection.send(f"refused: {error.reason}")
        except BaseException as error:
            connection.send(f"WRONG ERROR {error!r}")
        else:
            connection.send(judged(np.asarray(image), pictures))


def judged(image: np.ndarray, pictures: list[np.ndarray]) -> str:
    """A header that says fewer pixels of the same tiles, its checksums made anew, is that of a crop."""
    height, width = image.shape[:2]
    for picture in pictures:
        if image.ndim == picture.ndim and np.array_equal(image, picture):
            return "the very image"
        color = picture[..., :3] if image.ndim == 3 else picture
        if image.ndim == picture.ndim and np.array_equal(image[: len(color), : color.shape[1]], color[:height, :width]):
            return "the image, cropped or continued as its forged header says"
    return f"WRONG PICTURE {image.shape}"


def run(method: str, count: int, seed: int) -> collections.Counter[str]:
    streams = sources(method)
    draw, found = random.Random(seed), collections.Counter[str]()
    context = multiprocessing.get_context("spawn")
    ours, process = None, None
    for _ in range(count):
        if process is None or ours is None:
            ours, theirs = context.Pipe()
            process = context.Process(target=child, args=(theirs, streams), daemon=True)
            process.start()
            theirs.close()
        ours.send(mutated(draw, streams))
        try:
            answer = ours.recv() if ours.poll(SLOW + 60) else "HANG"
        except EOFError:
            process.join()
            answer = f"CRASH {process.exitcode}"
        found[answer] += 1
        if answer.startswith(("HANG", "CRASH")):
            process.kill()
            process = None
    if ours is not None:
        ours.send(None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="jndlc")
    chosen = parser.parse_args()
    start = time.perf_counter()
    found = run(chosen.method, chosen.count, chosen.seed)
    for answer, number in found.most_common():
        print(f"| {answer} | {number} |")
    print(f"{chosen.count} streams of {chosen.method} in {time.perf_counter() - start:.0f} s")
    sys.exit(any(answer[0].isupper() for answer in found))


if __name__ == "__main__":
    main()
