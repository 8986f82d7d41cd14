"""Seeded bugs of the derivatives of tensors."""

from __future__ import annotations

from .base import Mutant

__all__ = ["TENSORS"]

TRACES = "backends/scorekit_torch/derivatives.py"
OPTIMIZERS = "backends/scorekit_torch/optimizers.py"
EQUIPMENT = "backends/scorekit_torch/equipment.py"
LEARNER = "backends/scorekit_torch/learner.py"

TENSORS = (
    Mutant("trace-first-chunk-again", TRACES, "units[:, start:stop]", "units[:, : stop - start]", "one chunk for all"),
    Mutant(
        "trace-wrong-diagonal", TRACES, "pulled[:, :, start:stop]", "pulled[:, :, : stop - start]", "off by a chunk"
    ),
    Mutant(
        "trace-graph-not-made-again", TRACES, "preserve_rng_state=False)", "preserve_rng_state=False).detach()", "cut"
    ),
    Mutant("trace-graphs-kept", TRACES, "again = at.keep and (", "again = False and (", "memory grows with d"),
    Mutant("trace-chunk-of-a-small-batch", TRACES, "_NUMBERS // (n * d)", "_NUMBERS", "memory grows with n"),
    Mutant("optimizer-state-elsewhere", OPTIMIZERS, ".to(like.device, copy=True)", ".clone()", "fused Adam fails"),
    Mutant("layer-noise-of-one-part", EQUIPMENT, "2**62, ())) + start", "2**62, ()))", "the parts share their masks"),
    Mutant(
        "layer-noise-looks-once", EQUIPMENT, "any(not torch.equal", "all(torch.equal", "what draws is taken for still"
    ),
    Mutant("buffer-of-another-tensor", LEARNER, "buffer.copy_(values)", "pass", "a skipped step counts"),
)
