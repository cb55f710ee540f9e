"""What the conformance suites share: how a subclass names its method, and how declared exceptions are honoured."""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from torch import Tensor

from imgredux.errors import ImgreduxError
from imgredux.methods.base import Method
from imgredux.methods.spec import Spec
from imgredux.registry import Info, info
from imgredux.testing.golden import build


class Suite:
    """Base of the suites. A check is a method `test_...`; `Spec.exceptions` turns one into a strict xfail.

    name: the method's, with a tag where one is meant. options: constructor keywords; without any, the weights that
    the plugin ships are loaded. golden: file beside the subclass's module; None: there is none.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    golden: ClassVar[str | Path | None] = "golden.safetensors"
    # In [0, 1]: a sixth of a hundredth of a grey level, well above float32 rounding between two builds of torch.
    tolerance: ClassVar[float] = 1e-5
    # Tiles see the same neighbourhood, so that they compute the same sums.
    tile_tolerance: ClassVar[float] = 0.0
    most_bytes: ClassVar[int] = 4 * 2**20  # of the weights of a method, all its tags together

    @pytest.fixture
    def method(self) -> Method:
        """The method under test; checks must not change it."""
        if self.info.untrained and not self.options:
            pytest.skip(f"{self.spec.name} ships no weights yet")
        return _built(type(self))

    @pytest.fixture(autouse=True)
    def declared_exception(self, request: pytest.FixtureRequest) -> None:
        """Expect a check to fail for the reason that the declaration gives."""
        reason = self.spec.exceptions.get(request.node.originalname.removeprefix("test_"))
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    @property
    def info(self) -> Info:
        return info(self.name.partition(".")[0])

    @property
    def spec(self) -> Spec:
        return self.info.spec

    @property
    def channels(self) -> tuple[int, ...]:
        """Channel counts that a user may pass: grey always fits, and estimators take the luma of colour."""
        return (1, 3) if 3 in self.spec.channels or self.spec.kind == "estimator" else (1,)

    @property
    def golden_path(self) -> Path | None:
        if self.golden is None:
            return None
        return Path(inspect.getfile(type(self))).parent / self.golden

    def keywords(self, count: int) -> dict[str, Tensor]:
        """Keywords for `forward` with a batch of `count`; a subclass whose method takes more may override it."""
        return {}


@lru_cache(maxsize=1)
def _built(suite: type[Suite]) -> Method:
    return build(suite.name, **suite.options)


def must_refuse(call: Callable[[], Any], error: type[ImgreduxError], message: str) -> None:
    """Fail with `message` unless `call` raises `error`."""
    try:
        call()
    except error:
        return
    pytest.fail(message)
