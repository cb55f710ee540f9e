"""Every check of the suites fails for a method with the fault that it is there to catch."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from safetensors.torch import load_file, save_file

from imgredux import Spec
from imgredux.testing import CodecConformance, EstimatorConformance, RestorerConformance, write_golden
from imgredux.testing.golden import build

SUITES = {"estimator": EstimatorConformance, "restorer": RestorerConformance, "codec": CodecConformance}
FAILS = (AssertionError, pytest.fail.Exception)


class Fault(NamedTuple):
    """A check, the toy that the faulty class stands in for, what is declared wrongly, and what the failure says."""

    check: str
    toy: str
    cls: str
    says: str
    declared: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default


FAULTS = [
    Fault("any_size_works", "contrast", "Cropped", "gives "),
    Fault("any_size_works", "contrast", "NeedsEight", "multiple_of=8, minimum=1 "),
    Fault("any_size_works", "contrast", "NeedsFour", "multiple_of=1, minimum=4 "),
    Fault("any_size_works", "contrast", "NeedsLuck", "No multiple_of and minimum up to 64"),
    Fault("any_size_works", "blocks", "Blocks", "multiple_of=8", {"multiple_of": 4}),
    Fault("any_size_works", "contrast", "NanOnFlat", "not finite"),
    Fault("any_size_works", "quantizer", "OneNumber", "one number per image"),
    Fault("three_dimensions_in_three_out", "contrast", "Squeezed", "without B"),
    Fault("float64_stays_float64", "contrast", "FloatOnly", "gives torch.float32"),
    Fault("float64_stays_float64", "contrast", "Imprecise", "differ by"),
    Fault("batch_equals_singles", "contrast", "BatchNormed", "influence one another"),
    Fault("batch_equals_singles", "contrast", "Leaks", "influence one another, by .* of the range"),
    Fault("same_call_twice_is_bit_identical", "contrast", "Stateful", "something else"),
    Fault("input_is_not_modified", "contrast", "InPlace", "writes into the tensor"),
    Fault("random_state_is_untouched", "contrast", "DrawsTorch", "generator of torch"),
    Fault("random_state_is_untouched", "contrast", "DrawsNumpy", "generator of numpy"),
    Fault("random_state_is_untouched", "contrast", "DrawsPython", "generator of random"),
    Fault("exports", "contrast", "OtherInGraphs", "of what the graph gives is not"),
    Fault("every_container_gives_the_same", "contrast", "OwnUnits", "uint8 array, C=1: differs"),
    Fault("every_container_gives_the_same", "contrast", "WideMap", "a map is float32"),
    Fault("every_container_gives_the_same", "shrink", "LosesMode", "PIL image: gives ndarray"),
    Fault("exif_orientation_is_applied", "contrast", "Unturned", "upright"),
    Fault("alpha_comes_back_untouched", "shrink", "LosesAlpha", "alpha plane was changed"),
    Fault("gradients_are_as_declared", "contrast", "Detached", "no gradient reaches"),
    Fault("gradients_are_as_declared", "contrast", "SteepAtZero", "not finite"),
    Fault("gradients_are_as_declared", "blocks", "TakesAnything", "differentiable=False is declared"),
    Fault("half_is_as_declared", "contrast", "HalfNan", "not finite"),
    Fault("half_is_as_declared", "contrast", "FloatOnly", "gives torch.float32"),
    Fault("half_is_as_declared", "blocks", "TakesAnything", "half=False is declared"),
    Fault("tiles_equal_the_whole", "contrast", "WiderThanSaid", "further away .* context=1 is too small"),
    Fault("tiles_equal_the_whole", "contrast", "WholeImage", "tiles differ .* context=None"),
    Fault("tiles_equal_the_whole", "blocks", "Blocks", "context=0 is too small", {"context": 0}),
    Fault("map_is_finite_and_not_negative", "contrast", "Negative", "minimum of -"),
    Fault("map_is_finite_and_not_negative", "contrast", "NanOnFlat", "not finite"),
    Fault("magnitude_is_plausible", "contrast", "GrayLevels", "units of"),
    Fault("flat_image_gives_a_flat_map", "contrast", "Ramp", "varies by"),
    Fault("thresholds_are_one_per_coefficient", "blocks", "FlatThresholds", "is expected"),
    Fault("thresholds_are_one_per_coefficient", "blocks", "NoThresholds", "must be positive"),
    Fault("output_is_within_range", "shrink", "Unclipped", "clip it"),
    Fault("a_jpeg_becomes_better", "shrink", "Idle", "PSNR changes by 0.000 dB"),
    Fault("a_jpeg_becomes_better", "shrink", "Blur", "PSNR"),
    Fault("an_image_without_traces_comes_back_untouched", "shrink", "Eager", "was never a JPEG"),
    Fault("a_jpeg_of_high_quality_comes_back_untouched", "shrink", "Eager", "nothing is to be mended"),
    Fault("a_crop_of_a_jpeg_does_not_become_worse", "shrink", "Eager", "PSNR changes by -"),
    Fault("a_jpeg_file_brings_its_steps", "shrink", "IgnoresFiles", "does not give what"),
    Fault("steps_are_optional", "shrink", "NeedsSteps", "not known"),
    Fault("decoding_gives_what_forward_simulates", "quantizer", "DecodesDarker", "grey levels from forward"),
    Fault("bits_are_those_of_the_payload", "quantizer", "Boastful", "bits, the payload has"),
    Fault("another_process_decodes_the_same", "quantizer", "DependsOnThreads", "another image"),
    Fault("the_knob_trades_size_for_quality", "quantizer", "Stubborn", "bytes, 6 takes"),
    Fault("damaged_streams_are_refused", "quantizer", "AnyWeights", "an image is decoded"),
    Fault("damaged_payloads_never_crash", "quantizer", "BelievesPayloads", "KeyError"),
    Fault("damaged_payloads_never_crash", "quantizer", "Crashes", "ended with signal"),
    Fault("alpha_is_kept_in_the_stream", "quantizer", "StreamsOpaque", "with alpha becomes"),
    Fault("exceptions_name_checks", "contrast", "Contrast", "no check", {"exceptions": {"nonsense": "because"}}),
    Fault("exceptions_name_checks", "contrast", "Contrast", "without a reason", {"exceptions": {"golden_output": " "}}),
]
# Tried below, in test_declarations.py or test_tags.py on packages of their own; the last needs a device.
ELSEWHERE = {
    "nothing_is_loosened_without_a_reason",
    "golden_output",
    "the_best_tag_is_chosen",
    "declaration_imports_no_torch",
    "entry_point_is_the_name",
    "weights_match_the_manifest",
    "cuda_equals_cpu",
}


def run(
    kind: str, name: str, check: str, tmp_path: Path, patch: pytest.MonkeyPatch | None = None, **attributes: Any
) -> None:
    """One check of a subclass that a plugin might have written."""
    suite = type("TestToy", (SUITES[kind],), {"name": name, "golden": None, **attributes})()
    function = getattr(suite, f"test_{check}")
    wanted = inspect.signature(function).parameters
    given = {"method": lambda: build(name), "tmp_path": lambda: tmp_path, "monkeypatch": lambda: patch}
    given["record_property"] = lambda: lambda key, value: None
    function(**{parameter: given[parameter]() for parameter in wanted})


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.check}-{fault.cls}")
def test_a_fault_is_caught(
    fault: Fault, register: Callable[[Spec], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imgredux_broken_toys
    import imgredux_toys

    sound: Spec = getattr(imgredux_toys, fault.toy.upper())
    module = "imgredux_toys" if hasattr(imgredux_toys, fault.cls) else "imgredux_broken_toys"
    assert hasattr(imgredux_broken_toys, fault.cls)
    name = f"broken-{FAULTS.index(fault)}"
    register(replace(sound, name=name, target=f"{module}:{fault.cls}", **fault.declared))
    with pytest.raises(FAILS, match=fault.says):
        run(sound.kind, name, fault.check, tmp_path, monkeypatch)


def test_every_check_has_a_fault() -> None:
    checks = {
        name.removeprefix("test_") for suite in SUITES.values() for name in dir(suite) if name.startswith("test_")
    }
    assert checks == {fault.check for fault in FAULTS} | ELSEWHERE


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"golden": None}, "golden_output: is loosened"),
        ({"tolerance": 1e-2}, "tolerance: is loosened"),
        ({"tile_tolerance": 1e-9}, "tile_tolerance: is loosened"),
        ({"test_magnitude_is_plausible": lambda self: None}, "magnitude_is_plausible: is loosened"),
    ],
)
def test_what_is_loosened_in_silence_is_caught(
    attributes: dict[str, Any], says: str, register: Callable[[Spec], None]
) -> None:
    import imgredux_toys

    name = f"silent-{says.partition(':')[0].replace('_', '-')}"
    register(replace(imgredux_toys.CONTRAST, name=name, exceptions={}))
    suite = type("TestToy", (EstimatorConformance,), {"name": name, **attributes})()
    with pytest.raises(FAILS, match=says):
        suite.test_nothing_is_loosened_without_a_reason()
    register(replace(imgredux_toys.CONTRAST, name=f"{name}-said", exceptions={says.partition(":")[0]: "a reason"}))
    type(
        "TestToy", (EstimatorConformance,), {"name": f"{name}-said", **attributes}
    )().test_nothing_is_loosened_without_a_reason()


def test_the_hint_of_a_suite_with_options_writes_their_file(register: Callable[[Spec], None], tmp_path: Path) -> None:
    import imgredux_toys

    register(imgredux_toys.QUANTIZER)
    file = tmp_path / "golden.safetensors"
    options = {"depth": 3}
    hint = f"imgredux.testing.write_golden('toy-quantizer', {str(file)!r}, depth=3)"
    with pytest.raises(FAILS, match=re.escape(hint)):
        run("codec", "toy-quantizer", "golden_output", tmp_path, golden=file, options=options)
    write_golden("toy-quantizer", file, **options)


@pytest.mark.parametrize("toy", ["contrast", "shrink", "quantizer"])
def test_a_golden_file_holds_a_method_to_its_output(toy: str, register: Callable[[Spec], None], tmp_path: Path) -> None:
    import imgredux_toys

    spec: Spec = getattr(imgredux_toys, toy.upper())
    register(spec)
    file = tmp_path / "golden.safetensors"
    with pytest.raises(FAILS, match=re.escape(f"python -m imgredux.testing {spec.name} {file}")):
        run(spec.kind, spec.name, "golden_output", tmp_path, golden=file)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(FAILS, match=f"python -m imgredux.testing {spec.name} golden.safetensors$"):
            run(spec.kind, spec.name, "golden_output", tmp_path, golden=file)
    write_golden(spec.name, file)
    run(spec.kind, spec.name, "golden_output", tmp_path, golden=file)
    held = load_file(file)
    held["output"][..., 5, 5] += 1e-4
    save_file(held, file)
    with pytest.raises(FAILS, match=r"0\.0001 from the output"):
        run(spec.kind, spec.name, "golden_output", tmp_path, golden=file)
