"""What can be changed of a recipe, by name."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from imgredux import registry
from imgredux.errors import UnknownSetting
from imgredux.methods.settings import check_settings, keywords_of
from imgredux.registry.building import method_class
from imgredux.training.checkpoint import TrainingError
from imgredux.training.recipe import Recipe


def changed(name: str, tag: str, recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with other fields; what they are called, and the constructor's keywords in `options`, is checked."""
    owner, cls = f"{name}.{tag}", method_class(registry.info(name).spec)
    known = [field.name for field in fields(recipe) if field.init]
    taken = keywords_of(cls) or []
    for key in changes:
        if key not in known and key in taken:
            raise UnknownSetting(f"{key!r} is no setting of {owner}, but of its method: options={{{key}=...}}")
    check_settings(owner, changes, known)
    options = changes.get("options")
    if isinstance(options, Mapping):
        check_settings(f"{owner}'s options", options, keywords_of(cls))
    try:
        return replace(recipe, **changes)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"the recipe of {owner} cannot be changed like this: {error}") from error
