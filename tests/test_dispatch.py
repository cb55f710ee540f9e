"""Which restorer and which weights: by the figures that manifests and declarations state, and by nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import imgredux
from imgredux import Spec, UnknownMethod
from imgredux.dispatch import best, choices
from imgredux.methods.gains import best_tag, gain, stated
from imgredux.testing.process import run_python

LOW, HIGH = "y = { 10 = 2, 40 = 1 }\nrgb = { 10 = 1 }", "y = { 10 = 1, 40 = 2 }\nrgb = { 20 = 0.5, 40 = 1.5 }"


def test_gains_lie_on_straight_lines_and_are_flat_beyond() -> None:
    points = {"20": 1.0, 40: 3.0, 30: 1.5}
    gains = {"y": points}
    for quality in range(1, 101):
        expected = np.interp(quality, [20, 30, 40], [1.0, 1.5, 3.0])
        assert gain(gains, quality, color=False) == pytest.approx(expected)
    assert gain(gains, 30, color=True) is None


def test_the_tag_that_gains_most_is_taken(paint: Callable[..., Spec]) -> None:
    spec = paint("paint_best", {"low": LOW, "high": HIGH, "mute": None})
    assert [best_tag(spec, quality, color=False) for quality in (1, 10, 24, 26, 40, 90)] == ["low"] * 3 + ["high"] * 3
    assert best_tag(spec, 25, color=False) == "low"  # a draw goes to the default
    assert [best_tag(spec, quality, color=True) for quality in (10, 29, 31, 90)] == ["low", "low", "high", "high"]


def test_without_figures_the_default_stays(paint: Callable[..., Spec]) -> None:
    assert best_tag(paint("paint_mute", {"b": None, "a": None}), 10, color=True) == "b"
    assert best_tag(paint("paint_grey", {"b": None, "a": "y = { 10 = 1 }"}), 10, color=True) == "b"
    assert best_tag(imgredux.info("flat").spec, 10, color=True) == ""


def test_the_best_of_all_restorers_is_taken(paint: Callable[..., Spec], only_registered: None) -> None:
    paint("paint_a", {"low": LOW, "high": HIGH})
    paint("paint_b", {"all": "y = { 10 = 1.8 }"})
    about = {"target": "none:None", "title": "a toy", "paper": "none", "license": "MIT"}
    imgredux.register(Spec(name="bare", kind="restorer", gains={"rgb": {5: 1.2}}, **about))
    imgredux.register(Spec(name="silent", kind="restorer", **about))
    assert [best(quality, False) for quality in (10, 25, 40)] == ["paint_a.low", "paint_b.all", "paint_a.high"]
    assert [best(quality, True) for quality in (10, 40)] == ["bare", "paint_a.high"]
    assert best(10, True, ["paint_a", "paint_b"]) == "paint_a.low"
    assert best(10, True, ["paint_a.high", "paint_b"]) == "paint_a.high"
    assert set(choices()) == {"paint_a.low", "paint_a.high", "paint_b.all", "bare"}
    with pytest.raises(UnknownMethod, match="states what it gains on colour files"):
        best(10, True, ["paint_b"])
    with pytest.raises(UnknownMethod, match="no method named 'nosuch'"):
        best(10, True, ["nosuch"])


def test_graphics_are_restored_by_what_states_that(paint: Callable[..., Spec], only_registered: None) -> None:
    about = {"kind": "restorer", "target": "none:None", "title": "a toy", "paper": "none", "license": "MIT"}
    paint("paint_photos", {"low": LOW})
    assert best(10, True, graphics=True) == "paint_photos.low"  # nothing states more
    drawn = {"rgb": {10: 0.1}, "graphics-rgb": {10: 0.3, 40: 0.9}}
    imgredux.register(Spec(name="drawings", gains=drawn, **about))
    assert best(10, True) == "paint_photos.low"
    assert best(10, True, graphics=True) == "drawings"
    assert best(10, False, graphics=True) == "paint_photos.low"
    assert gain(drawn, 25, True, graphics=True) == pytest.approx(0.6)
    assert stated(imgredux.info("drawings").spec, "", 10, True, graphics=True) == 0.3
    assert stated(imgredux.info("paint_photos").spec, "low", 10, True, graphics=True) == 1


def test_where_nothing_is_installed_the_error_says_what_to_install(only_registered: None) -> None:
    with pytest.raises(UnknownMethod, match="pip install 'imgredux\\[all\\]'"):
        best(10, True)


def test_a_broken_plugin_is_left_out_with_a_warning(
    paint: Callable[..., Spec], only_registered: None, tmp_path: Path
) -> None:
    paint("paint_sound", {"low": LOW})
    paint("paint_cracked", {"high": HIGH})
    (tmp_path / "paint_cracked" / "weights.toml").write_text("default = ")
    with pytest.warns(UserWarning, match=r"paint_cracked: weights\.toml is damaged"):
        assert best(40, True) == "paint_sound.low"


@pytest.mark.parametrize(
    "gains", ["y = 3", "y = { 0 = 1 }", "y = { ten = 1 }", "y = { 10 = nan }", "grey = { 10 = 1 }", 'y = { 10 = "x" }']
)
def test_gains_of_another_form_are_refused(paint: Callable[..., Spec], gains: str) -> None:
    spec = paint("paint_wrong", {"low": gains})
    with pytest.raises(imgredux.WeightsError, match=r"weights\.toml is damaged.*gains are dB of y, rgb, "):
        imgredux.info(spec.name)


def test_choosing_needs_no_torch() -> None:
    assert run_python("import sys, imgredux.dispatch; print('torch' in sys.modules)").strip() == "False"
