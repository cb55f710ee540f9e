"""How tables show the columns of rows: label, digits, direction. Imports torch only for metrics that need it."""

import math

from imgredux import registry
from imgredux.errors import PluginError, UnknownName
from imgredux.methods.declarations import Column, ProtocolSpec


def protocol_of(name: str) -> ProtocolSpec | None:
    """The protocol that rows name; None where it is not installed any more, or broken."""
    try:
        return registry.protocol(name)
    except (UnknownName, PluginError):
        return None


def column_of(protocol: ProtocolSpec | None, name: str) -> Column:
    """A column as the protocol declares it, else as the metric of its name does, else as it is."""
    declared = protocol and protocol.column(name)
    if declared:
        return declared
    try:
        metric = registry.metric(name)
    except (UnknownName, PluginError):
        return Column(name)
    return Column(name, metric.label, metric.digits, metric.higher_is_better)


def heading(column: Column) -> str:
    """What stands above a column."""
    return column.label or column.name


def number(column: Column, x: float) -> str:
    """A figure of a column as text, NaN as a dash."""
    if math.isnan(x):
        return "-"
    if column.percent:
        return f"{100 * x:.{column.digits or 0}f} %"
    return f"{x:.4g}" if column.digits is None else f"{x:.{column.digits}f}"


def plus_minus(column: Column, error: float) -> str:
    """A standard error as text, empty where there is none."""
    return "" if math.isnan(error) else "±" + number(column, error).removesuffix(" %")
