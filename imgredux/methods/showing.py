"""What a method says of itself in a console."""

from typing import Any


def in_two_lines(method: Any) -> str:
    """Name, kind and title; parameters, digest of the weights, device. The modules inside print as torch has them."""
    spec = method._spec
    name = f"{method.label}, {spec.kind}: {spec.title}" if spec else f"{type(method).__name__}, without a declaration"
    count = sum(parameter.numel() for parameter in method.parameters())
    facts = [f"{count:,} parameter{'s' if count > 1 else ''}" if count else "no parameters"]
    if any(method.digest):
        facts.append(f"weights {method.digest.hex()}")
    place = method._place
    return f"{name}\n{', '.join(facts)}, on {place.device} in {str(place.dtype).removeprefix('torch.')}"
