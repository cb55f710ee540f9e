"""Names for shells that complete them: from the metadata of distributions, no plugin is loaded."""

from collections.abc import Callable

Complete = Callable[[str], list[str]]


def methods(*kinds: str, also: tuple[str, ...] = ()) -> Complete:
    """What completes the name of a method of these kinds, of all kinds without any; `NAME.` completes its tags."""

    def complete(incomplete: str) -> list[str]:
        name, dot, _ = incomplete.partition(".")
        found = [f"{name}.{tag}" for tag in _tags(name)] if dot else sorted({*also, *_names("method", *kinds)})
        return [one for one in found if one.startswith(incomplete)]

    return complete


def protocols(incomplete: str) -> list[str]:
    """What completes the name of a protocol."""
    return [one for one in _names("protocol") if one.startswith(incomplete)]


def _names(family: str, *kinds: str) -> list[str]:
    from imgredux.registry.metadata import installed

    names = installed("method" if family == "method" else "protocol")
    return sorted(name for name, found in names.items() if not kinds or any(one.kind in kinds for one in found))


def _tags(name: str) -> list[str]:
    from imgredux import registry
    from imgredux.errors import ImgreduxError

    try:
        return [*registry.info(name).weights]
    except ImgreduxError:
        return []
