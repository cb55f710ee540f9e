"""What keywords a method takes, and what to say of one that it does not."""

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from imgredux.errors import UnknownSetting

_NAMED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def keywords_of(function: Callable[..., Any], given: Iterable[str] = ()) -> list[str] | None:
    """The keywords of a function or a class, without those that are given anyhow; None where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return None
    skipped = {*given}
    return [one.name for one in parameters if one.kind in _NAMED and one.name not in skipped]


def check_settings(owner: str, names: Iterable[str], known: Iterable[str] | None) -> None:
    """Raise UnknownSetting for the first of the names that is not known, with the one that may be meant.

    owner: whose settings they are. known: None where any name is taken.
    """
    if known is None:
        return
    choices = [*known]
    for name in names:
        if name not in choices:
            close = get_close_matches(name, choices, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            takes = f"It takes: {', '.join(choices)}" if choices else "It takes none"
            raise UnknownSetting(f"no setting named {name!r} of {owner}.{hint} {takes}")
