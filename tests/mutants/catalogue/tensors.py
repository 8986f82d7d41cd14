"""Seeded bugs of tensors: derivatives, the learner, recorded evaluations, devices."""

from __future__ import annotations

from .base import seeded

__all__ = ["TENSORS"]

TRACES = "backends/scorekit_torch/derivatives.py"
OPTIMIZERS = "backends/scorekit_torch/optimizers.py"
EQUIPMENT = "backends/scorekit_torch/equipment.py"
LEARNER = "backends/scorekit_torch/learner.py"
CAPTURE = "backends/scorekit_torch/capture.py"
RANDOM = "backends/scorekit_torch/random.py"
LEVELS = "backends/scorekit_torch/networks/levels.py"
ALLOCATOR = "scorekit/_allocator.py"

TENSORS = (
    *seeded(
        TRACES,
        "_diagonal_part",
        ("trace-first-chunk-again", "units[:, start:stop]", "units[:, :stop - start]", "one chunk for all"),
        ("trace-wrong-diagonal", "pulled[:, :, start:stop]", "pulled[:, :, :stop - start]", "off by a chunk"),
    ),
    *seeded(
        TRACES,
        "_recomputed",
        (
            "trace-graph-not-made-again",
            "checkpoint(_diagonal_part, at, start, stop, use_reentrant=False, preserve_rng_state=False)",
            "checkpoint(_diagonal_part, at, start, stop, use_reentrant=False, preserve_rng_state=False).detach()",
            "cut",
        ),
    ),
    *seeded(
        TRACES,
        "divergence",
        (
            "trace-graphs-kept",
            "torch.is_grad_enabled() and _is_large(x)",
            "False and _is_large(x)",
            "memory grows with d",
        ),
    ),
    *seeded(
        TRACES,
        "_exact",
        ("trace-chunk-of-a-small-batch", "_NUMBERS // (n * d)", "_NUMBERS", "memory grows with n"),
    ),
    *seeded(
        OPTIMIZERS,
        "restore_optimizer",
        (
            "optimizer-state-in-another-order",
            "like.copy_(value.detach())",
            "value.detach().clone()",
            "fused kernels take moments of other weights",
        ),
    ),
    *seeded(
        EQUIPMENT,
        "LayerNoise.__call__",
        ("layer-noise-of-one-part", "int(drawn.values[0])", "0", "the parts share their masks"),
    ),
    *seeded(
        EQUIPMENT,
        "LayerNoise._seeded",
        (
            "layer-noise-looks-once",
            "any((not torch.equal(a, b) for a, b in zip(before, self._places(), strict=True)))",
            "all((torch.equal(a, b) for a, b in zip(before, self._places(), strict=True)))",
            "what draws is taken for still",
        ),
    ),
    *seeded(
        EQUIPMENT,
        "lay_out",
        (
            "layout-of-the-weights-alone",
            "part.memory_format = torch.channels_last",
            "part.other = torch.channels_last",
            "laid out again",
        ),
    ),
    *seeded(
        EQUIPMENT,
        "Equipped.__init__",
        ("compiled-with-symbols", "module.compile(dynamic=False)", "module.compile()", "inductor fails on them"),
    ),
    *seeded(
        LEARNER,
        "TorchLearner._undo",
        ("buffer-of-another-tensor", "buffer.copy_(values)", "pass", "a skipped step counts"),
    ),
    *seeded(
        CAPTURE,
        "CapturedModel.__call__",
        ("capture-shared-score", "self._score.clone()", "self._score", "the next call changes the last score"),
        ("capture-any-level", "asked <= self._known", "self._known", "no level is refused"),
    ),
    *seeded(
        CAPTURE,
        "CapturedModel._fill",
        ("capture-stale-level", "self._sigma.copy_(level)", "pass", "levels of the samples are those before"),
    ),
    *seeded(
        RANDOM,
        "TorchRng.__init__",
        (
            "two-streams-of-one-seed",
            "(torch.empty(0, device=device).device, dtype)",
            "(torch.device(device), dtype)",
            "cuda and cuda:0 draw the same numbers",
        ),
    ),
    *seeded(
        LEVELS,
        "as_row",
        (
            "number-copied-to-the-device",
            "like.new_full((1,), value, dtype=dtype)",
            "torch.as_tensor([value], dtype=dtype, device=like.device)",
            "no graph can record it",
        ),
    ),
    *seeded(
        ALLOCATOR,
        "reuse_freed_memory",
        (
            "freed-blocks-given-back",
            "np.empty(_LARGEST, np.uint8)",
            "np.empty(1, np.uint8)",
            "a training step of an image network gives its memory back to the kernel",
        ),
    ),
)
