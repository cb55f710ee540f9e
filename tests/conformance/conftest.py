"""The toys, known to the registry for as long as a test needs them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import imgredux
from imgredux import Spec
from imgredux.registry import _plugins


@pytest.fixture(scope="module")
def register() -> Iterator[Callable[[Spec], None]]:
    """`imgredux.register` for methods in tests/conformance/toys, undone after the module."""
    known = dict(_plugins.known["method"])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).with_name("toys"))
        yield imgredux.register
    _plugins.known["method"].clear()
    _plugins.known["method"].update(known)
