"""Whether a stream of jndlc decodes to the same bits, whatever the threads, the instructions and the NumPy.

    python -m tests.campaigns.same_bits [--python .venv-compressai/bin/python] [--method jndlc]

Encodes a photograph here and decodes it in processes of other settings, and by another Python, whose NumPy may be
another: it must have imgredux and the method. Prints what each found, as a digest of the decoder's float32 pixels; the
exit code is 1 where one differs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from skimage import data

import imgredux

HEIGHT, WIDTH = 300, 410
DECODE = f"""
import hashlib, math, sys, numpy, torch, imgredux
from imgredux.methods import stream
torch.set_num_threads(int(sys.argv[2]))
codec = imgredux.get(sys.argv[3])
sides = (64 * math.ceil(n / 64) for n in ({HEIGHT}, {WIDTH}))
pixels = codec.decompress(stream.unpack(open(sys.argv[1], "rb").read()).payload, (3, *sides))
about = f"NumPy {{numpy.__version__}}, {{torch.get_num_threads()}} threads, {{torch.backends.cpu.get_cpu_capability()}}"
print(about, hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:16], sep=" | ")
"""
SETTINGS: tuple[tuple[int, dict[str, str]], ...] = (
    (1, {}),
    (2, {}),
    (3, {}),
    *((1, {"ONEDNN_MAX_CPU_ISA": isa}) for isa in ("SSE41", "AVX", "AVX2", "AVX512_CORE")),
    (1, {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2"}),
    (1, {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.same_bits")
    parser.add_argument("--python", action="append", default=[], metavar="PYTHON", help="another one to decode by")
    parser.add_argument("--method", default="jndlc")
    chosen = parser.parse_args()
    codec = imgredux.get(chosen.method)
    assert isinstance(codec, imgredux.Codec)
    runs = [(sys.executable, *setting) for setting in SETTINGS] + [(python, 1, {}) for python in chosen.python]
    print("| environment | decoded by | pixels |\n|---|---|---|")
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coded"
        file.write_bytes(codec.encode(np.ascontiguousarray(data.astronaut()[:HEIGHT, :WIDTH])))
        for python, threads, settings in runs:
            command = [python, "-c", DECODE, str(file), str(threads), chosen.method]
            done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True)
            digests.add(done.stdout.strip().rpartition("| ")[2])
            print(f"| {', '.join(f'{k}={v}' for k, v in settings.items()) or 'as it is'} | {done.stdout.strip()} |")
    sys.exit(len(digests) > 1)


if __name__ == "__main__":
    main()
