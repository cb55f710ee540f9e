"""The judges' own programs beside our ports, on `imgredux.testing.damaged`; writes the tests' golden values.

    pip install --no-deps --target OFFICIAL cvvdp==0.5.7
    python -m tests.campaigns.judges --cvvdp OFFICIAL --butteraugli PROGRAM

ColorVideoVDP's package has the table of sensitivities too, `csf.json`. What it imports for videos alone is not
needed: empty modules stand in for it. PROGRAM takes two files of linear RGB, planes of float32, reference first, width
and height, and prints the largest value and the 3-norm: twenty lines around `ButteraugliInterface` and
`ComputeDistanceP` of jpegli's or libjxl's library.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch

from imgredux import registry
from imgredux.testing.damaged import PAIRS

PLUGINS = Path(__file__).parents[2] / "plugins"
VIDEO_ALONE = ("ffmpeg", "imageio", "imageio.v2", "pyexr", "huggingface_hub", "einops", "tqdm")
DIGITS = 7  # of logarithms: what float32 holds
Golden = dict[str, dict[str, float]]  # by metric and pair
DISPLAYS = {"standard_4k": "cvvdp", "standard_fhd": "cvvdp_fhd"}


class _StandIn(types.ModuleType):
    __file__ = ""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def official(folder: str) -> types.ModuleType:
    sys.path.insert(0, folder)
    importlib.import_module("torchvision")  # looks through all modules, and stumbles over empty ones
    for name in VIDEO_ALONE:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = _StandIn(name)
    return importlib.import_module("pycvvdp")


def table(folder: str) -> dict[str, list]:
    """Sensitivities by channel, background luminance and spatial frequency."""
    file = Path(folder) / "pycvvdp" / "vvdp_data" / "csf_lut_weber_fixed_size.json"
    held = json.loads(file.read_text("utf-8"))
    return {
        "log_luminance": np.log10(held["L_bkg"]).round(DIGITS).tolist(),
        "log_frequency": np.log10(held["rho"]).round(DIGITS).tolist(),
        "log_sensitivity": np.round([held[f"o0_c{channel}"] for channel in (1, 2, 3)], DIGITS).tolist(),
    }


def by_cvvdp(folder: str) -> Golden:
    (PLUGINS / "cvvdp" / "imgredux_cvvdp" / "csf.json").write_text(json.dumps(table(folder)) + "\n", "utf-8")
    package = official(folder)
    golden: Golden = {}
    for display, name in DISPLAYS.items():
        program = package.cvvdp(display_name=display, device=torch.device("cpu"), quiet=True)
        golden[name] = {label: float(program.predict(*make(), dim_order="BCHW")[0]) for label, make in PAIRS.items()}
    return golden


def by_butteraugli(program: str) -> Golden:
    golden: Golden = {"butteraugli": {}, "butteraugli_3norm": {}}
    for label, make in PAIRS.items():
        pair = make()
        height, width = (str(side) for side in pair[0].shape[-2:])
        with tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder) / name) for name in ("reference", "image")]
            for file, x in zip(files, reversed(pair), strict=True):
                linear = torch.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
                Path(file).write_bytes(linear[0].numpy().astype("<f4").tobytes())
            command = [program, *files, width, height]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        golden["butteraugli"][label], golden["butteraugli_3norm"][label] = map(float, printed)
    return golden


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cvvdp", metavar="OFFICIAL")
    parser.add_argument("--butteraugli", metavar="PROGRAM")
    chosen = parser.parse_args()
    for plugin, given, measure in (
        ("cvvdp", chosen.cvvdp, by_cvvdp),
        ("butteraugli", chosen.butteraugli, by_butteraugli),
    ):
        golden = measure(given) if given else {}
        for name, values in golden.items():
            for label, theirs in values.items():
                ours = registry.metric(name).function(*PAIRS[label]()).item()
                print(f"{name}, {label}: theirs {theirs:.5f}, ours {ours:.5f}, apart {ours - theirs:+.5f}")
        if golden:
            text = json.dumps(golden, indent=1) + "\n"
            (PLUGINS / plugin / "tests" / "golden.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
