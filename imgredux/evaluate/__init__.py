"""Methods over data sets by a protocol, into a growing file of rows; nothing is measured twice.

    problems = evaluate("jnd-equal-mse", ["wei2009", "localstd"], [folder("kodak")], "results.jsonl")
    for line in summarize(read_rows("results.jsonl")):
        print(line.label, line.dataset, line.level, line.values["ssimulacra2"])

Importing it imports no torch.
"""

from imgredux.evaluate.results import read_rows
from imgredux.evaluate.run import ProtocolError, Step, evaluate
from imgredux.evaluate.summary import Mean, Summary, paired, pooled, summarize

__all__ = ["Mean", "ProtocolError", "Step", "Summary", "evaluate", "paired", "pooled", "read_rows", "summarize"]
