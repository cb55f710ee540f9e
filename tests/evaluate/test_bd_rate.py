"""Savings at equal quality: against arithmetic, against the published table, through the protocol and the report."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import imgredux
from imgredux.datasets import folder
from imgredux.evaluate import evaluate, read_rows
from imgredux.evaluate.bd_rate import image_curves, mean_curves, mean_saving, published, rising, saving
from imgredux.methods.spec import Spec
from imgredux.report import report

CURVE = [(0.1, 28.0), (0.2, 31.0), (0.4, 34.0), (0.8, 37.0), (1.6, 40.0)]

# BD-rates in PSNR of CompressAI's published curves on Kodak, computed from its JSON files by others' code.
AGAINST_JPEG = {
    "WebP": -36.2,
    "BPG 4:4:4": -58.9,
    "AV1 (libaom)": -62.4,
    "VTM": -67.6,
    "bmshj2018-factorized": -44.5,
    "bmshj2018-hyperprior": -55.0,
    "mbt2018-mean": -58.0,
    "mbt2018": -61.0,
    "cheng2020-anchor": -65.4,
}
AGAINST_VTM = {"mbt2018-mean": 21.3, "mbt2018": 11.0, "cheng2020-anchor": 3.7}


def test_savings_of_curves_known_by_arithmetic():
    assert saving(CURVE, CURVE).percent == pytest.approx(0, abs=1e-9)
    cheaper = [(0.9 * rate, quality) for rate, quality in CURVE]
    assert saving(CURVE, cheaper).percent == pytest.approx(-10, abs=1e-6)
    found = saving(CURVE, [(rate, quality + 3) for rate, quality in CURVE])
    assert found.percent == pytest.approx(-50, abs=1e-6)  # three decibels are a doubling of this curve's rate
    assert (found.low, found.high, found.overlap) == (31, 40, 0.75)


def test_curves_that_do_not_meet_or_are_too_short_have_no_saving():
    assert math.isnan(saving(CURVE, [(rate, quality + 20) for rate, quality in CURVE]).percent)
    assert math.isnan(saving(CURVE, CURVE[:3]).percent)


def test_points_that_are_no_better_than_cheaper_ones_are_left_out():
    assert rising([*CURVE, (0.3, 30.0), (0.5, 34.0)]) == CURVE


@pytest.mark.parametrize(("anchor", "table"), [("JPEG (Pillow, 4:2:0)", AGAINST_JPEG), ("VTM", AGAINST_VTM)])
def test_the_published_table_is_reproduced(anchor, table):
    curves = published()["kodak"]
    for name, percent in table.items():
        # The curves are rounded to 4 digits of the rate and 0.01 dB; BPG and VTM also lost decimals on the way.
        assert saving(curves[anchor], curves[name]).percent == pytest.approx(
            percent, abs=3.5 if anchor == "VTM" else 0.2
        )


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rd")
    (place / "pictures").mkdir()
    for name, image in (("cat", data.chelsea()[60:228, 100:276]), ("rocket", data.rocket()[100:268, 200:376])):
        Image.fromarray(np.ascontiguousarray(image)).save(place / "pictures" / f"{name}.png")
    failed = evaluate(
        "rd",
        ["jpeg444", "jpeg420", "jndjpeg"],
        [folder(place / "pictures")],
        place / "rows.jsonl",
        metrics=("psnr", "ssimulacra2"),
    )
    assert not failed
    return place / "rows.jsonl"


def test_bits_are_those_of_the_file(rows):
    found = [row for row in read_rows(rows) if (row["method"], row["image"], row["level"]) == ("jpeg444", "cat", 5)]
    keyword, values = imgredux.info("jpeg444").spec.knob or ("", ())
    pixels = np.asarray(Image.open(rows.parent / "pictures" / "cat.png"))
    size = len(imgredux.get("jpeg444").encode(pixels, **{keyword: values[4]}))
    assert found[0]["values"]["bpp"] == pytest.approx(8 * size / (168 * 176))
    assert found[0]["values"]["knob"] == values[4]


def test_curves_and_savings_come_from_rows(rows):
    found = read_rows(rows)
    by_image = image_curves(found, "pictures", "ssimulacra2")
    assert by_image.keys() == {"jpeg444", "jpeg420", "jndjpeg"}
    assert by_image["jpeg444"].keys() == {"cat", "rocket"}
    assert all(30 <= score <= 92 for _, score in by_image["jpeg444"]["cat"])
    mean, _, n = mean_saving(by_image["jpeg444"], by_image["jndjpeg"])
    assert n == 2
    assert mean < -8
    means = mean_curves(found, "pictures", "psnr")["jpeg444"]
    assert len(means) == 8
    assert means == sorted(means)


def test_a_codec_of_fewer_points_says_so(tmp_path, rows):
    place = folder(rows.parent / "pictures")
    evaluate("rd", ["jndsearch"], [place], tmp_path / "rows.jsonl", metrics=("psnr",), levels=(1, 5))
    problems = [row.get("problem", "") for row in read_rows(tmp_path / "rows.jsonl")]
    assert sorted(problems) == ["", "", "jndsearch has 4 points", "jndsearch has 4 points"]


def test_the_report_shows_savings_and_curves(rows, tmp_path):
    page = report(rows, tmp_path / "report").read_text("utf-8")
    text = (tmp_path / "report" / "table.md").read_text("utf-8")
    assert "## Bytes at equal quality" in text
    line = next(line for line in text.splitlines() if line.startswith("| pictures | jndjpeg | jpeg444 |"))
    assert " %" in line.split("|")[-2]
    assert "bytes at equal quality" in page
    assert page.count("<svg") >= 2
    assert "**" not in text.partition("## Bytes")[0]  # a point is not the same for all codecs: none is the best


def test_a_knob_is_declared_by_codecs_alone():
    about = {"target": "a.b:C", "title": "", "paper": "", "license": "Apache-2.0"}
    Spec(name="one", kind="codec", knob=("quality", (1, 2)), **about)
    for kind, knob in (("codec", ("quality", (1,))), ("restorer", ("quality", (1, 2)))):
        with pytest.raises(ValueError, match="knob"):
            Spec(name="one", kind=kind, knob=knob, **about)


def test_the_published_file_says_where_it_is_from():
    file = Path(imgredux.__file__).parent / "evaluate" / "published" / "curves.json"
    assert "CompressAI" in json.loads(file.read_text("utf-8"))["source"]
