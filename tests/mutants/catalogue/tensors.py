"""Seeded bugs of tensors: derivatives, the learner, recorded evaluations, devices."""

from __future__ import annotations

from .base import Mutant

__all__ = ["TENSORS"]

TRACES = "backends/scorekit_torch/derivatives.py"
OPTIMIZERS = "backends/scorekit_torch/optimizers.py"
EQUIPMENT = "backends/scorekit_torch/equipment.py"
LEARNER = "backends/scorekit_torch/learner.py"
CAPTURE = "backends/scorekit_torch/capture.py"

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
    Mutant(
        "optimizer-state-in-another-order",
        OPTIMIZERS,
        "like.copy_(value.detach())",
        "value.detach().clone()",
        "fused kernels take moments of other weights",
    ),
    Mutant("layer-noise-of-one-part", EQUIPMENT, "2**62, ())) + start", "2**62, ()))", "the parts share their masks"),
    Mutant(
        "layer-noise-looks-once", EQUIPMENT, "any(not torch.equal", "all(torch.equal", "what draws is taken for still"
    ),
    Mutant("buffer-of-another-tensor", LEARNER, "buffer.copy_(values)", "pass", "a skipped step counts"),
    Mutant(
        "capture-shared-score", CAPTURE, "self._score.clone()", "self._score", "the next call changes the last score"
    ),
    Mutant("capture-any-level", CAPTURE, "if not asked <= self._known:", "if not self._known:", "no level is refused"),
    Mutant(
        "capture-stale-level", CAPTURE, "self._sigma.copy_(level)", "pass", "levels of the samples are those before"
    ),
    Mutant(
        "layout-of-the-weights-alone", EQUIPMENT, "part.memory_format = torch", "part.other = torch", "laid out again"
    ),
    Mutant(
        "two-streams-of-one-seed",
        "backends/scorekit_torch/random.py",
        "torch.empty(0, device=device).device, dtype",
        "torch.device(device), dtype",
        "cuda and cuda:0 draw the same numbers",
    ),
    Mutant(
        "number-copied-to-the-device",
        "backends/scorekit_torch/networks/levels.py",
        "like.new_full((1,), value, dtype=dtype)",
        "torch.as_tensor([value], dtype=dtype, device=like.device)",
        "no graph can record it",
    ),
    Mutant(
        "compiled-with-symbols",
        EQUIPMENT,
        "module.compile(dynamic=False)",
        "module.compile()",
        "inductor fails on them",
    ),
    Mutant(
        "freed-blocks-given-back",
        "scorekit/_allocator.py",
        "mallopt(_TRIM_THRESHOLD, _KEPT)",
        "pass",
        "a training step of an image network gives its memory back to the kernel",
    ),
)
