"""Packages whose modules and names resolve on first use (PEP 562), so that importing them costs nothing."""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def resolver(
    package: str, names: Mapping[str, Iterable[str]], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package. names: by the module that has them; modules: of the package."""
    where = {name: module for module, all_ in names.items() for name in all_}
    known = {*where, *modules}

    def resolve(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name not in where:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *known})

    return resolve, listed
