"""The toys, known to the registry for as long as a test needs them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import imgredux
from imgredux import Spec
from imgredux.registry import _registry


@pytest.fixture(scope="module")
def register() -> Iterator[Callable[[Spec], None]]:
    """`imgredux.register` for methods in tests/conformance/toys, undone after the module."""
    known = dict(_registry.specs)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).with_name("toys"))
        yield imgredux.register
    _registry.specs.clear()
    _registry.specs.update(known)
