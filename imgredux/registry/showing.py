"""What a method declares, as rows of text for consoles and as a table for notebooks."""

from collections.abc import Mapping
from html import escape

from imgredux.methods.spec import Spec


def facts(spec: Spec, origin: str, weights: str) -> dict[str, str]:
    """What there is to say of a declaration, by what it is called. origin: its distribution. weights: in words."""
    return {
        "name": spec.name,
        "kind": spec.kind,
        "title": spec.title,
        "paper": spec.paper,
        "license": spec.license,
        "distribution": origin,
        "class": spec.target,
        "channels": " or ".join(map(str, spec.channels)),
        "sizes": f"at least {spec.minimum}, multiples of {spec.multiple_of} (others are padded)",
        "context": "the whole image" if spec.context is None else f"{spec.context} pixels",
        "gradients": "yes" if spec.differentiable else "no",
        "half": "yes" if spec.half else "no",
        **({"knob": f"{spec.knob[0]}={', '.join(map(str, spec.knob[1]))}"} if spec.knob else {}),
        "weights": weights,
    }


def table(rows: Mapping[str, str]) -> str:
    """Rows of two cells in HTML."""
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(key)}</th><td style="text-align:left">{escape(value)}</td></tr>'
        for key, value in rows.items()
    )
    return f"<table>{cells}</table>"
