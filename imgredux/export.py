"""Methods as graphs for other runtimes: programs of `torch.export`, and ONNX files.

    from imgredux.export import export
    export("arcnn", "arcnn.onnx")      # any height and width
    export("ddjnd", "ddjnd.pt2")       # torch.export.load("ddjnd.pt2").module()(image)

A graph is what a call with a tensor computes, for one image: padding to legal sizes is in it, reading files, finding
the traces of a JPEG and choosing weights are not. docs/results/exports.md has the table of what exports how.
"""

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from imgredux import registry
from imgredux._version import __version__
from imgredux.errors import ImgreduxError, reason_of
from imgredux.io.files import atomic
from imgredux.methods.base import Method
from imgredux.methods.settings import check_settings, keywords_of

if TYPE_CHECKING:
    from torch.export import ExportedProgram

SUFFIXES = (".onnx", ".pt2")
LEAST = 16  # pixels of a side that is a symbol; the method's own minimum where that is more
BLOCKS = 16  # of a restorer's sides: the blocks of chroma in 4:2:0
SIZE = (192, 256)  # height and width of the example that the operations are recorded on
OPSET = 20


@dataclass(frozen=True)
class Exported:
    """A method as a program of `torch.export`, whose `module()` is called as the method is, with tensors alone.

    inputs: names, of `image` `(1, C, H, W)` in [0, 1], and for a restorer `qtable` `(1, 2, 8, 8)`, steps of luma and
    chroma. outputs: `map`, `restored`, or `decoded` and `bits`, as the method's contract has them. size: height and
    width; None: any multiples of `step` that are at least `least`. about: name, version,
    license of the weights, and more.
    """

    program: "ExportedProgram"
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    channels: int
    size: tuple[int, int] | None
    least: int
    step: int
    about: dict[str, str]


def traced(
    method: Method | str,
    *,
    channels: int | None = None,
    size: Sequence[int] | None = None,
    **options: Any,
) -> Exported:
    """A method as a graph.

    method: ready to use, or a name as `imgredux.get` takes it. channels: 1 or 3; by default the most that the method
    takes. size: height and width that the graph is for; None: any, where the method allows that, else SIZE. options:
    other keywords of the method's call, as `subsampling="4:4:4"`, which the graph holds fixed.

    Raises ImgreduxError for a method that no graph can say, with the reason; UnknownMethod, UnknownSetting.
    """
    method = registry.get(method) if isinstance(method, str) else method
    spec = method.spec
    check_settings(method.label, options, keywords_of(method.forward, ("x", "qtable")))
    if channels is not None and channels not in (1, 3):
        raise ImgreduxError(f"channels is {channels}; give 1 or 3")
    planes = channels or (3 if spec.kind != "estimator" or 3 in spec.channels else 1)
    tables = spec.kind == "restorer"
    if "exports" in spec.exceptions:
        raise ImgreduxError(f"{method.label} cannot be exported: {spec.exceptions['exports']}")
    wrapped = _Alone(method.eval(), options, tables)
    inputs = ("image", "qtable") if tables else ("image",)
    outputs = {"estimator": ("map",), "restorer": ("restored",)}.get(spec.kind, ("decoded", "bits"))
    step = math.lcm(spec.multiple_of, BLOCKS if tables else 1)
    least = -(-max(LEAST, spec.minimum) // step) * step
    about = _about(method, options)
    height, width = size or SIZE
    if not all(isinstance(side, int) and side >= spec.minimum for side in (height, width)):
        raise ImgreduxError(f"size is {height}x{width}; {spec.name} needs whole numbers of at least {spec.minimum}")
    problem: Exception | None = None
    for any_size in (True, False) if size is None else (False,):
        shapes = _symbols(least, step, tables) if any_size else None
        try:
            program = _recorded(wrapped, _example(method, planes, height, width, tables), shapes)
            if any_size:  # a size that crept into the graph as a number shows at another one only
                program.module()(*_example(method, planes, width, height + step, tables))
        except Exception as error:  # torch's tracers raise what they like
            problem = error
            continue
        fixed = None if any_size else (height, width)
        return Exported(program, inputs, outputs, planes, fixed, least, step, about)
    assert problem is not None  # each of the tries ended in return or here
    raise ImgreduxError(f"{method.label} cannot be exported: {_first_line(problem)}") from problem


def export(
    method: Method | str,
    path: str | PathLike,
    *,
    channels: int | None = None,
    size: Sequence[int] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Exported:
    """Write a method as a graph to `path`: ONNX (`.onnx`) or a program of `torch.export` (`.pt2`), whole or not at all.

    Takes what `traced` does. ONNX needs `pip install 'imgredux[export]'`; weights are inside the file. overwrite:
    replace a file that is there.

    Raises ImgreduxError: another suffix, a file that is there, ONNX missing, a method that no graph can say; OSError.
    """
    target = Path(path)
    if target.suffix not in SUFFIXES:
        raise ImgreduxError(f"{fspath(path)}: give a name that ends in {' or '.join(SUFFIXES)}")
    if target.exists() and not overwrite:
        raise ImgreduxError(f"{fspath(path)} exists")
    if target.suffix == ".onnx":
        _needs_onnx()
    found = traced(method, channels=channels, size=size, **options)
    with atomic(target) as temporary:
        if target.suffix == ".pt2":
            torch.export.save(found.program, temporary, extra_files={"imgredux.json": json.dumps(found.about)})
        else:
            temporary.write_bytes(onnx_of(found))
    return found


def onnx_of(found: Exported) -> bytes:
    """The graph as an ONNX file, checked by ONNX's own checker. Raises ImgreduxError where ONNX cannot say it."""
    _needs_onnx()
    import onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = torch.onnx.export(
                found.program,
                (),
                input_names=list(found.inputs),
                output_names=list(found.outputs),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # its translators raise what they like
            raise ImgreduxError(f"{found.about['method']} cannot be said in ONNX: {_first_line(error)}") from error
    assert made is not None  # as no file was given
    model = made.model_proto
    for key, value in found.about.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = f"imgredux:{key}", value
    onnx.checker.check_model(model)
    return model.SerializeToString()


class _Alone(nn.Module):
    """A method's call with its tensors by place; what it gives, as a tensor or a tuple of them."""

    def __init__(self, method: Method, options: dict[str, Any], tables: bool) -> None:
        super().__init__()
        self.method, self.options, self.tables = method, options, tables

    def forward(self, image: Tensor, qtable: Tensor | None = None) -> Any:
        given = {"qtable": qtable, **self.options} if self.tables else self.options
        result = self.method(image, **given)
        return tuple(result) if isinstance(result, tuple) else result


def _example(method: Method, channels: int, height: int, width: int, tables: bool) -> tuple[Tensor, ...]:
    place = next(method.parameters(), torch.zeros(0))
    image = torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0)).to(place)
    return (image, torch.full((1, 2, 8, 8), 20.0).to(image)) if tables else (image,)


def _recorded(wrapped: nn.Module, example: tuple[Tensor, ...], shapes: Any) -> "ExportedProgram":
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(wrapped, example, dynamic_shapes=shapes, strict=False)


def _symbols(least: int, step: int, tables: bool) -> Any:
    from torch.export import Dim

    height, width = (Dim(name, min=least // step) for name in ("height", "width"))
    sides = {2: step * height, 3: step * width} if step > 1 else {2: height, 3: width}
    return (sides, None) if tables else (sides,)


def _about(method: Method, options: dict[str, Any]) -> dict[str, str]:
    spec = method.spec
    entry = registry.info(spec.name).weights.get(method.tag, {}) if method.tag else {}
    about = {
        "method": method.label,
        "version": __version__,
        "title": spec.title,
        "paper": spec.paper,
        "license": entry.get("license", spec.license),
        "units": "image in [0, 1], sRGB; a map in the units of the image",
    }
    return {**about, **{key: str(value) for key, value in options.items()}}


def _needs_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        if reason_of(error) == "memory":
            raise
        raise ImgreduxError("ONNX is missing. Install it with: pip install 'imgredux[export]'") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
