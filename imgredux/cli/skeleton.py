"""The files of a plugin, for `imgredux new`: a method of each kind that keeps the contract."""

from string import Template

PYPROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "The $kind $name for imgredux"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["imgredux$range"]

[project.optional-dependencies]
test = ["imgredux[test]"]

[project.entry-points."imgredux.${kind}s"]
$name = "$package"  # the entry point's name is the method's name

[tool.hatch.build.targets.wheel]
packages = ["$package"]
artifacts = ["*.safetensors"]
"""

DECLARATION = '''"""The $kind $name. No torch here, so that `imgredux list` is fast."""

from imgredux import Spec, hookimpl

SPEC = Spec(
    name="$name",
    kind="$kind",
    target="$package.method:$cls",  # imported when somebody asks for it
    title="what it is, in one line",
    paper="Authors, Title, Venue Year",
    license="MIT",
$declared    differentiable=True,
    # Take this out when the method is finished and its golden file is written: README.md.
    exceptions={"golden_output": "the method is being written"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    return [SPEC]
'''

DECLARED = {
    "estimator": "    context=2,  # a pixel of the map depends on pixels up to 2 away; None: on the whole image\n",
    "restorer": "    multiple_of=8,\n    minimum=8,\n    context=15,  # a pixel depends on pixels up to 15 away\n",
    "codec": '    knob=("depth", (2, 4, 6)),  # what trades size for quality, the smallest files first\n',
}

ESTIMATOR = '''"""The method itself."""

from imgredux import Estimator, ops
from torch import Tensor


class $cls(Estimator):
    """JND as a share of the local standard deviation."""

    def __init__(self, share: float = 0.1) -> None:  # imgredux.create("$name", share=0.2)
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W) in [0, 1]. Returns (B, 1, H, W), not negative, in the units of x."""
        return self.share * ops.local_std(ops.luma(x), size=5)
'''

RESTORER = '''"""The method itself."""

import torch
from imgredux import Restorer, ops
from torch import Tensor
from torch.nn import functional as F


class $cls(Restorer):
    """DCT coefficients of luma below a share of their quantization step are set to zero, on 16 shifts of the blocks."""

    def __init__(self, share: float = 0.35) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        """x: (B, C, H, W) in [0, 1]; qtable: (B, 2, 8, 8), steps of luma and chroma. Returns the shape of x."""
        if qtable is None:  # the steps are not known
            return x
        y = ops.luma(x)
        least = self.share / 255 * qtable[:, :1, None, None].to(x.dtype)
        least[..., 0, 0] = 0
        shifts = [(top, left) for top in range(0, 8, 2) for left in range(0, 8, 2)]
        mean = sum(self._shrunk(y, least, *shift) for shift in shifts) / len(shifts)
        return (x + mean - y).clamp(0, 1)

    def _shrunk(self, y: Tensor, least: Tensor, top: int, left: int) -> Tensor:
        c = ops.dct(F.pad(y, (left, 8 - left, top, 8 - top), mode="replicate"))
        keep = torch.empty_like(c)
        ops.blocks(keep).copy_(ops.blocks(c.detach()).abs() >= least)
        return ops.idct(c * keep)[..., top : top + y.shape[-2], left : left + y.shape[-1]]
'''

CODEC = '''"""The method itself."""

from collections.abc import Mapping

import numpy as np
import torch
from imgredux import Codec, Coded, StreamError
from torch import Tensor


class $cls(Codec):
    """Every sample as a number of `depth` bits."""

    def forward(self, x: Tensor, *, depth: int = 4) -> Coded:
        """x: (B, C, H, W) in [0, 1]. The image after coding, and the bits of each image (B,)."""
        steps = 2**depth - 1
        image = x + ((x * steps).round() / steps - x).detach()  # gradients go through the rounding
        return Coded(image, x.new_full((len(x),), depth * x[0].numel()))

    def compress(self, x: Tensor, *, depth: int = 4) -> Mapping[str, bytes]:
        """x: (1, C, H, W). Named parts that hold all that `decompress` needs besides the shape."""
        samples = (x.flatten() * (2**depth - 1)).round().cpu().numpy().astype(np.uint8)
        bits = np.unpackbits(samples[:, None], axis=1)[:, -depth:]
        return {"depth": bytes([depth]), "samples": np.packbits(bits).tobytes()}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        """The image (1, C, H, W); whatever is wrong with the payload is a StreamError."""
        depth = payload.get("depth", b"")
        if set(payload) != {"depth", "samples"} or len(depth) != 1 or depth[0] not in range(1, 9):
            raise StreamError("the payload is not one of $name")
        size = shape[0] * shape[1] * shape[2]
        if len(payload["samples"]) != -(-size * depth[0] // 8):
            raise StreamError(f"{len(payload['samples'])} bytes of samples do not make an image of {shape}")
        bits = np.unpackbits(np.frombuffer(payload["samples"], np.uint8), count=size * depth[0])
        samples = bits.reshape(size, depth[0]) @ (1 << np.arange(depth[0])[::-1])
        return torch.from_numpy(samples).float().reshape(1, *shape) / (2 ** depth[0] - 1)
'''

METHOD = {"estimator": ESTIMATOR, "restorer": RESTORER, "codec": CODEC}

TEST = '''"""The contract, checked by imgredux's own suite."""

from imgredux.testing import $suite


class Test$cls($suite):
    name = "$name"
    golden = None  # take this out with the exception in $package/__init__.py
'''

README = """# $distribution

The $kind `$name` for [imgredux](https://github.com/imgredux/imgredux).

```bash
pip install -e ".[test]"
imgredux info $name
pytest
```

1. Write your method in `$package/method.py`, and what it is in `$package/__init__.py`.
2. When it is right, compared with its paper, write the golden file, which tells from then on that nothing moved:
   `python -m imgredux.testing $name tests/golden.safetensors`. Take out `golden = None` in
   `tests/test_conformance.py`, and the exception in `$package/__init__.py`.
"""


def files(kind: str, name: str, version: str) -> dict[str, str]:
    """The text of each file of a plugin, by its path. version: of imgredux."""
    words = name.replace("-", "_")
    major, minor = (int(part) for part in version.split(".")[:2])
    held = {
        "kind": kind,
        "name": name,
        "distribution": f"imgredux-{name.replace('_', '-')}",
        "package": f"imgredux_{words}",
        "cls": class_name(words),
        "suite": f"{kind.capitalize()}Conformance",
        "declared": DECLARED[kind],
        "range": f">={major}.{minor},<{major}.{minor + 1}",
    }
    texts = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        f"{held['package']}/__init__.py": DECLARATION,
        f"{held['package']}/method.py": METHOD[kind],
        "tests/test_conformance.py": TEST,
    }
    return {path: Template(text).substitute(held) for path, text in texts.items()}


def class_name(name: str) -> str:
    """In capitals, and no word that the method's module has already."""
    made = "".join(part.capitalize() for part in name.split("_"))
    taken = ("None", "True", "False", "Estimator", "Restorer", "Codec", "Coded", "Tensor", "Mapping", "F")
    return f"{made}Method" if made in (*taken, "Streamerror") else made
