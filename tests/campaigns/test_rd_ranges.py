"""The campaign's arithmetic: a codec that takes a share of another's bytes for everything saves the rest."""

import math

import pytest

from tests.campaigns.rd_ranges import by_rate, by_score

ANCHOR = [
    {"bpp": 0.2 * 1.3**k, "psnr": 26 + 1.2 * k, "ssimulacra2": 30 + 7 * k, "butteraugli_3norm": 5 - 0.5 * k}
    for k in range(9)
]


def test_a_quarter_less_is_a_quarter_less():
    test = [{**point, "bpp": 0.75 * point["bpp"]} for point in ANCHOR]
    for judge in ("ssimulacra2", "butteraugli_3norm"):
        assert by_score(ANCHOR, test, judge) == pytest.approx(-25, abs=1e-6)
    assert by_rate(ANCHOR, test) == pytest.approx(-25, abs=0.1)


def test_what_reaches_too_little_of_the_range_gives_no_figure():
    higher = [{**point, "ssimulacra2": point["ssimulacra2"] + 12} for point in ANCHOR[-4:]]
    assert math.isnan(by_score(ANCHOR, higher, "ssimulacra2"))
    assert math.isnan(by_score(ANCHOR, ANCHOR[:2], "ssimulacra2"))


def test_only_the_range_counts():
    test = [{**point, "bpp": point["bpp"] * (0.5 if point["ssimulacra2"] < 45 else 1)} for point in ANCHOR]
    assert by_score(ANCHOR, test, "ssimulacra2") == pytest.approx(0, abs=2)
