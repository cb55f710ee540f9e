"""The suite's check on restorers of several tags: each image is given those weights that the manifest says do best."""

from collections.abc import Callable
from typing import Any

import pytest

import imgredux
from imgredux import Spec
from imgredux.testing import RestorerConformance

LOW, HIGH = "y = { 10 = 2, 40 = 1 }\nrgb = { 10 = 1 }", "y = { 10 = 1, 40 = 2 }\nrgb = { 20 = 0.5, 40 = 1.5 }"


def check(name: str, **changed: Any) -> None:
    method = imgredux.get(name)
    for attribute, value in changed.items():
        setattr(method, attribute, value)
    type("TestPaint", (RestorerConformance,), {"name": name, "golden": None})().test_the_best_tag_is_chosen(method)


def test_the_manifests_best_passes(paint: Callable[..., Spec]) -> None:
    paint("paint_right", {"low": LOW, "high": HIGH, "mute": None})
    check("paint_right")
    paint("paint_grey", {"low": "y = { 10 = 1 }", "high": "y = { 50 = 2 }"})
    check("paint_grey")


def test_another_choice_is_caught(paint: Callable[..., Spec]) -> None:
    paint("paint_wrong", {"low": LOW, "high": HIGH, "mute": None})
    low, mute = (imgredux.get(f"paint_wrong.{tag}") for tag in ("low", "mute"))
    with pytest.raises(AssertionError, match=r"quality 40, y: 'low' is taken, not 'high'"):
        check("paint_wrong", at=lambda *_: low)
    with pytest.raises(AssertionError, match=r"quality 5, y: 'mute' is taken, which states no gain"):
        check("paint_wrong", at=lambda *_: mute)


def test_one_set_of_weights_leaves_no_choice(paint: Callable[..., Spec]) -> None:
    paint("paint_plain", {"low": None})
    with pytest.raises(pytest.skip.Exception):
        check("paint_plain")
