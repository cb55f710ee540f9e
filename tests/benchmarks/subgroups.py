"""Where each restorer wins and loses: ten pictures each of faces, dark scenes, foliage, text and screens, drawings.

    python -m tests.benchmarks.subgroups DATA [--methods auto slidingdct arcnn unjpeg flatzone d2lnet]

DATA holds bsds500, screen_content and ai_generated. The pictures were chosen by eye from contact sheets, before any was
restored. dB of RGB over the JPEG, 4:2:0, at two qualities; means over the ten, and on how many of them a restorer is
the best of all. Pictures that come as JPEG themselves are halved first.
"""

import argparse
import io
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

import imgredux
from imgredux import dispatch
from tests.benchmarks.restorer_peers import gains, opened, saved

GROUPS = {
    "faces and skin": (
        "bsds500",
        "14085 14092 189006 189013 198087 246009 290035 302022 368037 388006",
    ),
    "dark scenes": (
        "bsds500",
        "101027 217013 232076 250087 285022 288024 306051 306052 384089 5096",
    ),
    "foliage": (
        "bsds500",
        "100039 101084 145079 175083 207049 268074 326025 35028 35049 51084",
    ),
    "text and screens": (
        "screen_content",
        "codec_wiki gmessages graph gui imac_dark imac_g3 imessage terminal windows windows95",
    ),
    "drawings": (
        "ai_generated",
        "DALLE2_normal_062 DALLE2_normal_069 DALLE2_normal_091 DALLE2_normal_132 midjourney_normal_073 "
        "midjourney_normal_108 midjourney_normal_115 sd1.5_highcorr_059 xl2.2_normal_053 xl2.2_normal_094",
    ),
}
QUALITIES = (10, 30)
MOST = (640, 448)  # of a picture: its middle


def picture(data: Path, folder: str, stem: str) -> Image.Image:
    (path,) = (found for found in (data / folder).iterdir() if found.stem == stem)
    with Image.open(path) as image:
        whole = image.convert("RGB")
    if folder == "ai_generated":
        whole = whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.BOX)
    width, height = (min(a, b) for a, b in zip(whole.size, MOST, strict=True))
    left, top = (whole.width - width) // 2, (whole.height - height) // 2
    return whole.crop((left, top, left + width, top + height))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods", nargs="+", default=["auto", "slidingdct", "arcnn", "unjpeg", "flatzone", "d2lnet"])
    chosen = parser.parse_args()
    methods = {name: dispatch.Auto() if name == "auto" else imgredux.get(name) for name in chosen.methods}
    print(f"| pictures | quality | {' | '.join(methods)} |\n|---|---|{'---|' * len(methods)}")
    for group, (folder, stems) in GROUPS.items():
        for quality in QUALITIES:
            found: dict[str, list[float]] = defaultdict(list)
            for stem in stems.split():
                original = picture(chosen.data, folder, stem)
                file = saved(original, quality=quality)
                for name, method in methods.items():
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        restored = method(Image.open(io.BytesIO(file))).convert("RGB")
                    found[name].append(gains(original, opened(file), restored)[0])
            most = np.max([values for name, values in found.items() if name != "auto"], 0)
            cells = [f"{np.mean(v):+.2f} ({int((np.array(v) >= most).sum())})" for v in found.values()]
            print(f"| {group} | {quality} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
