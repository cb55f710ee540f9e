"""The conformance suite of metrics of an image against its reference."""

import importlib.metadata
import inspect
import json
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from imgredux import registry
from imgredux.errors import ImageError
from imgredux.metrics import Function
from imgredux.testing.damaged import PAIRS, noisy, photograph
from imgredux.testing.process import run_python

NO_TORCH = """
import sys
from importlib.metadata import entry_points
(entry,) = entry_points(group="imgredux.metrics", name=sys.argv[1])
entry.load().imgredux_metrics()
print(*sorted({"torch", "kornia"} & set(sys.modules)))
"""
Pair = tuple[Tensor, Tensor]


class MetricConformance:
    """Subclass it in a plugin's tests and set `name`; every check is explained by the message it fails with.

    golden: a file of JSON beside the subclass's module, with what the authors' program says of the pairs of
    `imgredux.testing.damaged.PAIRS`: `{"name of the metric": {"name of the pair": value}}`. relative, absolute: how
    near, as `pytest.approx` takes them.
    """

    name: ClassVar[str]
    golden: ClassVar[str | Path | None] = None
    relative: ClassVar[float] = 1e-4
    absolute: ClassVar[float] = 1e-6

    @pytest.fixture
    def metric(self) -> Function:
        return registry.metric(self.name).function

    @pytest.fixture
    def pair(self) -> Pair:
        reference = photograph("astronaut", 176, 168)
        return noisy(reference, 0.03), reference

    def test_declaration_imports_no_torch(self) -> None:
        heavy = run_python(NO_TORCH, self.name).split()
        assert not heavy, f"importing the declaration imports {', '.join(heavy)}: keep it out of the package's __init__"

    def test_entry_point_is_the_name(self) -> None:
        (entry,) = importlib.metadata.entry_points(group="imgredux.metrics", name=self.name)
        names = [spec.name for spec in entry.load().imgredux_metrics()]
        assert self.name in names, f"the entry point {self.name!r} leads to the metrics {', '.join(names) or 'none'}"

    def test_it_is_the_programs(self, metric: Function) -> None:
        if self.golden is None:
            pytest.skip("no values of another program")
        file = Path(inspect.getfile(type(self))).parent / self.golden
        for pair, value in json.loads(file.read_text("utf-8"))[self.name].items():
            ours = metric(*PAIRS[pair]()).item()
            assert ours == pytest.approx(value, rel=self.relative, abs=self.absolute), (
                f"{pair}: {ours:g}, and the program has {value:g}"
            )

    def test_more_damage_is_a_worse_score(self, metric: Function, pair: Pair) -> None:
        better = registry.metric(self.name).higher_is_better
        if better is None:
            pytest.skip("the metric only describes")
        scores = [metric(noisy(pair[1], strength), pair[1]).item() for strength in (0.0, 0.02, 0.06, 0.2)]
        assert scores == sorted(scores, reverse=better), f"more and more noise has the scores {scores}"

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
    @pytest.mark.parametrize("where", ["image", "reference", "both"])
    def test_one_bad_number_is_no_score(self, metric: Function, pair: Pair, bad: float, where: str) -> None:
        image, reference = (torch.cat([x, x]) for x in pair)
        for name, x in (("image", image), ("reference", reference)):
            if where in (name, "both"):
                x[1, 1, 90, 100] = bad
        good, none = metric(image, reference).tolist()
        assert none != none, f"an image that holds {bad} has the score {none}"
        assert good == pytest.approx(metric(*pair).item(), rel=1e-5), "the other image of the batch has another score"

    def test_all_nan_is_no_score(self, metric: Function, pair: Pair) -> None:
        image, reference = pair
        assert metric(image * float("nan"), reference).isnan().all()
        assert metric(image * float("nan"), reference * float("nan")).isnan().all()

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_autocast_changes_nothing(self, metric: Function, pair: Pair, dtype: torch.dtype) -> None:
        plain = metric(*pair)
        with torch.autocast("cpu", dtype):
            inside = metric(*pair)
        assert inside.dtype == plain.dtype
        assert torch.equal(inside, plain), "decorate it with imgredux.metrics.pairs.measured"

    @pytest.mark.parametrize("level", [None, 0.0, 0.5, 1.0])
    def test_equal_images_have_a_gradient_of_zero(self, metric: Function, pair: Pair, level: float | None) -> None:
        reference = pair[1] if level is None else torch.full_like(pair[1], level)
        image = reference.clone().requires_grad_()
        metric(image, reference).sum().backward()
        assert image.grad is not None, "no gradient reaches the image"
        assert image.grad.isfinite().all(), "the gradient of equal images is not finite"
        assert image.grad.abs().max() < 1e-3, f"the gradient of equal images is up to {image.grad.abs().max():.3g}"

    def test_what_is_far_from_an_image_is_refused_where_asked(self, metric: Function, pair: Pair) -> None:
        image, reference = pair
        assert "strict" in inspect.signature(metric).parameters, "help() does not name the option `strict`"
        strict = {"strict": True}
        assert torch.equal(metric(image, reference, **strict), metric(image, reference))
        for x, y in ((255 * image, 255 * reference), (image, 255 * reference), (image - 3, reference)):
            with pytest.raises(ImageError, match="images in \\[0, 1\\]"):
                metric(x, y, **strict)

    @pytest.mark.parametrize(
        "shape", [(3, 170, 170), (170, 170), (1, 170, 170, 3), (1, 0, 170, 170), (1, 3, 0, 170), (1, 2, 170, 170)]
    )
    def test_other_shapes_are_an_image_error(self, metric: Function, shape: tuple[int, ...]) -> None:
        x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        try:
            score = metric(x, x)
        except ImageError:
            return
        assert 0 not in shape, f"an image of shape {shape} has the score {score}"
        assert score.shape == shape[:1], f"a metric of planes takes any number of them, and gave {tuple(score.shape)}"
