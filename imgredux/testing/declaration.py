"""Checks that hold a method to its declaration: entry point, gradients, half, context, weights, golden file."""

import copy
import hashlib
import importlib
import importlib.metadata
import shlex
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from imgredux.errors import ImageError, ImgreduxError
from imgredux.methods.base import HALVES, Method, tiled
from imgredux.methods.weights import read_manifest
from imgredux.registry import get
from imgredux.registry.metadata import group
from imgredux.testing.golden import tensors
from imgredux.testing.inputs import batch
from imgredux.testing.process import run_python
from imgredux.testing.suite import Suite, must_refuse

LIMITS = ("tolerance", "tile_tolerance", "most_bytes")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")
NO_TORCH = """
import sys
from importlib.metadata import entry_points
(entry,) = entry_points(group=sys.argv[1], name=sys.argv[2])
entry.load().imgredux_methods()
print(*sorted({"torch", "kornia"} & set(sys.modules)))
"""


class DeclarationChecks(Suite):
    """What a Spec says is so."""

    def test_declaration_imports_no_torch(self) -> None:
        heavy = run_python(NO_TORCH, group(self.spec.kind), self._entry_point().name).split()
        assert not heavy, f"importing the declaration imports {', '.join(heavy)}: keep it out of the package's __init__"

    def test_entry_point_is_the_name(self) -> None:
        entry = self._entry_point()
        names = [spec.name for spec in entry.load().imgredux_methods()]
        assert entry.name in names, f"the entry point {entry.name!r} leads to the methods {', '.join(names) or 'none'}"

    def _entry_point(self) -> importlib.metadata.EntryPoint:
        if self.info.distribution is None:
            pytest.skip("registered at run time: there is no entry point")
        (entry,) = importlib.metadata.entry_points(group=group(self.spec.kind), name=self.spec.name)
        return entry

    def test_exceptions_name_checks(self) -> None:
        for check, reason in self.spec.exceptions.items():
            known = hasattr(self, f"test_{check}") or check in LIMITS
            assert known, f"the Spec excepts {check!r}, which is no check"
            assert reason.strip(), f"the Spec excepts {check!r} without a reason"

    def test_nothing_is_loosened_without_a_reason(self) -> None:
        shipped = next(base for base in type(self).__mro__ if base.__module__.startswith("imgredux.testing."))
        loosened = [name for name in LIMITS if getattr(self, name) > getattr(shipped, name)]
        loosened += ["golden_output"] if self.golden is None and not self.options else []
        loosened += [
            name.removeprefix("test_")
            for base in type(self).__mro__[: type(self).__mro__.index(shipped)]
            for name in vars(base)
            if name.startswith("test_") and hasattr(shipped, name)
        ]
        silent = [name for name in loosened if name not in self.spec.exceptions]
        assert not silent, f"{', '.join(silent)}: is loosened here; give the reason in Spec(exceptions=...)"

    def test_gradients_are_as_declared(self, method: Method) -> None:
        x = batch()
        if not self.spec.differentiable:
            message = "differentiable=False is declared, but an image that wants gradients is taken"
            must_refuse(lambda: method(x.requires_grad_(), **self.keywords(1)), ImageError, message)
            return
        other = tensors(method(batch(seed=5), **self.keywords(1)))
        flat = {f"an image of {level}": torch.full_like(x, level) for level in (0.0, 0.5, 1.0)}
        for label, image in {"an image": x, **flat}.items():
            for index, gradient in enumerate(self._gradients(method, image)):
                assert gradient.isfinite().all(), f"gradients on {label} are not finite"
                # What is the same for two images has the gradient zero; what differs must have another.
                if image is x and not torch.equal(tensors(method(x, **self.keywords(1)))[index], other[index]):
                    assert gradient.any(), "differentiable=True is declared, but no gradient reaches the image"

    def _gradients(self, method: Method, x: Tensor) -> list[Tensor]:
        """The gradient of the sum of each tensor that a call gives."""
        x = x.clone().requires_grad_()
        with torch.enable_grad():
            sums = [tensor.sum() for tensor in tensors(method(x, **self.keywords(1)))]
        zero = torch.zeros_like(x)
        return [
            torch.autograd.grad(total, x, retain_graph=True, materialize_grads=True)[0] if total.requires_grad else zero
            for total in sums
        ]

    def test_half_is_as_declared(self, method: Method) -> None:
        for dtype in HALVES:
            x, options = batch().to(dtype), self.keywords(1)
            if not self.spec.half:
                message = f"half=False is declared, but {dtype} is taken"
                must_refuse(partial(method, x, **options), ImageError, message)
                continue
            exact = tensors(method(x.float(), **options))[0]
            given = tensors(copy.deepcopy(method).to(dtype)(x, **options))[0]
            assert given.dtype == dtype, f"a {dtype} image gives {given.dtype}"
            assert given.isfinite().all(), f"in {dtype} the result is not finite"
            error = ((given - exact).abs().mean() / exact.abs().mean()).item()
            assert error <= 0.05, f"in {dtype} the result is off by {error:.1%}"

    def test_tiles_equal_the_whole(self, method: Method) -> None:
        context, options = self.spec.context, self.keywords(1)
        if context is None or self.spec.kind == "codec":
            must_refuse(lambda: tiled(method, batch()), ImgreduxError, "context=None is declared, but tiles are taken")
            return
        x, other = (self._context_picture(seed) for seed in (0, 5))
        whole = method(x, **options)
        cure = f"context={context} is too small, or the method looks at the whole image: context=None"
        off = (tiled(method, x, tile=self._context_tile(), **options) - whole).abs().max().item()
        assert off <= self.tile_tolerance, f"tiles differ by {off:.2g}: {cure}"
        half = x.shape[-1] // 2
        changed = method(torch.cat([x[..., :half], other[..., half:]], -1), **options)
        off = (changed - whole)[..., : half - context].abs().max().item()
        assert off <= self.tile_tolerance, f"pixels further away change the result by {off:.2g}: {cure}"

    def _context_picture(self, seed: int) -> Tensor:
        """An image of several tiles, with pixels on its left that the right half must not reach."""
        assert self.spec.context is not None
        side = 4 * self._context_tile() + 2 * self.spec.context + 5
        return batch(1, side, side + 10, self.channels[-1], seed)

    def _context_tile(self) -> int:
        """Small tiles; larger ones for a method that sees far, or most of the work would be their surroundings."""
        assert self.spec.context is not None
        return max(16, self.spec.multiple_of, self.spec.context // 32 * 16)

    def test_golden_output(self, method: Method) -> None:
        if self.golden_path is None:
            pytest.skip("this suite has no golden file")
        if not self.golden_path.is_file():
            pytest.fail(f"{self.golden_path} is missing. Write it with: {self._golden_command(self.golden_path)}")
        held = load_file(self.golden_path)
        x, expected = held.pop("input"), held.pop("output")
        given = tensors(method(x, **held))[0]
        difference = (given - expected).abs().max().item()
        assert difference <= self.tolerance, f"{difference:.2g} from the output in {self.golden_path.name}"

    def _golden_command(self, path: Path) -> str:
        """What writes the file that this suite reads: a command for the working folder, or Python's, with options."""
        here = Path.cwd()
        shown = str(path.relative_to(here) if path.is_relative_to(here) else path)
        if self.options:
            given = ", ".join([repr(self.name), repr(shown), *(f"{key}={one!r}" for key, one in self.options.items())])
            return f"imgredux.testing.write_golden({given})"
        return shlex.join(["python", "-m", "imgredux.testing", self.name, shown])

    def test_weights_match_the_manifest(self) -> None:
        name = self.spec.target.partition(":")[0].partition(".")[0]
        if not hasattr(importlib.import_module(name), "__path__"):
            pytest.skip("registered from a single module, which ships no weights")
        package = Path(str(files(name)))
        tags = read_manifest(self.spec).tags
        total = sum({entry["file"]: entry["bytes"] for entry in tags.values()}.values())
        assert total <= self.most_bytes, f"the weights have {total} bytes together, a method may ship {self.most_bytes}"
        for tag, entry in tags.items():
            file = package / entry["file"]
            assert file.is_file(), f"{tag}: {file.name} is missing from the package"
            assert file.stat().st_size == entry["bytes"], f"{tag}: {file.name} has {file.stat().st_size} bytes"
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            assert digest == entry["sha256"], f"{tag}: the manifest has another sha256 than {file.name}"
            assert get(f"{self.spec.name}.{tag}").tag == tag, f"{tag}: the method does not bear its tag"
        found = [path for path in package.rglob("*") if path.is_file()]
        unlisted = {path.name for path in found if path.suffix == ".safetensors"} - {e["file"] for e in tags.values()}
        assert not unlisted, f"weights.toml does not list {', '.join(sorted(unlisted))}"
        pickles = [path.name for path in found if path.suffix in PICKLES]
        assert not pickles, f"{', '.join(pickles)}: ship safetensors, a pickle can run code"

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda_equals_cpu(self, method: Method) -> None:
        x, options = batch(2), self.keywords(2)
        there = {key: value.cuda() for key, value in options.items()}
        given = tensors(copy.deepcopy(method).cuda()(x.cuda(), **there))[0]
        assert given.is_cuda, "a CUDA image gives a result on the CPU"
        # Other kernels sum in another order; an edge detector may then decide otherwise at one pixel in a thousand.
        off = ((given.cpu() - tensors(method(x, **options))[0]).abs() > 10 * self.tolerance).float().mean().item()
        assert off <= 1e-3, f"CPU and CUDA differ at {off:.1%} of the pixels"
