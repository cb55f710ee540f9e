"""Metrics tried on two small images before hours are spent: which cannot be computed on this machine, and why."""

from typing import TYPE_CHECKING

from imgredux.errors import ImgreduxError, UnknownName, WeightsError, in_words

if TYPE_CHECKING:
    from imgredux.protocols import Protocol


def unavailable(protocol: "Protocol", metrics: frozenset[str], *, asked: bool) -> dict[str, str]:
    """The metrics whose package or weights are not on this machine, each with the reason.

    asked: by name; then one that cannot be had is an error, as one that fails in another way always is. Raises
    ImgreduxError.
    """
    import torch

    missing: dict[str, str] = {}
    for name in sorted(metrics):
        try:
            protocol.function(name)(torch.zeros(1, 3, 192, 192), torch.ones(1, 3, 192, 192))
        except Exception as error:  # whatever a plugin's metric raises
            if not asked and _is_absent(error):
                missing[name] = in_words(error)
                continue
            raise ImgreduxError(
                f"{name} cannot be computed: {in_words(error)}. To go on without it, leave it out of the metrics"
            ) from error
    return missing


def _is_absent(error: BaseException) -> bool:
    """Whether a package or weights are not here, rather than that something is wrong."""
    return isinstance(error, (WeightsError, UnknownName, ImportError)) or isinstance(error.__cause__, ImportError)
