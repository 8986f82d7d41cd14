"""Seeded bugs of the machinery that all samplers share."""

from __future__ import annotations

from .base import seeded

__all__ = ["SAMPLERS"]

BLOCKS = "scorekit/samplers/blocks.py"
CONTEXT = "scorekit/samplers/_context.py"
LAYOUT = "scorekit/samplers/_layout.py"
RECORDER = "scorekit/samplers/_recorder.py"
DRIVER = "scorekit/samplers/_driver.py"
LANGEVIN_LIMIT = "scorekit/samplers/_langevin_limit.py"
START = "scorekit/samplers/start.py"

SAMPLERS = (
    *seeded(
        BLOCKS,
        "_Run.one",
        ("blocks-one-stream", "self.stream_of(index)", "self.stream_of(0)", "one stream: all blocks are the same"),
        ("blocks-off-by-one", "index * self.block", "index * self.block + 1", "a sample short"),
    ),
    *seeded(
        BLOCKS,
        "_Run.blocks",
        (
            "blocks-streams-of-the-chosen",
            "self.one(index, None if bar is None else lambda state: bar.update())",
            "self.one(chosen.index(index), None if bar is None else lambda state: bar.update())",
            "the stream and the place depend on which blocks are made",
        ),
    ),
    *seeded(
        BLOCKS,
        "gather",
        ("gather-drops-the-last", "zip(*kept, strict=True)", "zip(*kept[:-1], strict=True)", "a block is lost"),
    ),
    *seeded(
        CONTEXT,
        "Context.normal",
        (
            "noise-reused",
            "self._rng.normal(self._layout.chain_shape, like=self.x0)",
            "vars(self).setdefault('_z', self._rng.normal(self._layout.chain_shape, like=self.x0))",
            "the noise of the first step at every step",
        ),
        (
            "noise-outer-layout",
            "z = self._rng.normal(self._layout.chain_shape, like=self.x0)",
            "z = self.xp.reshape(self._rng.normal(self.shape, like=self.x0), self._layout.chain_shape)",
            "noise laid out for the caller, not for the chain",
        ),
    ),
    *seeded(
        CONTEXT,
        "Context.score",
        (
            "score-wrong-layout",
            "self._layout.batch_last(s)",
            "self.xp.reshape(s, self._layout.chain_shape)",
            "reshaped where it should be transposed: scores of other chains",
        ),
        (
            "points-wrong-layout",
            "self._layout.batch_first(x)",
            "self.xp.reshape(x, self.shape)",
            "the model sees coordinates of different chains side by side",
        ),
    ),
    *seeded(
        LAYOUT,
        "Layout.copy_out",
        (
            "result-wrong-layout",
            "self.batch_first(x)",
            "self.xp.reshape(x, self.shape)",
            "every number right, none in its place: the marginals do not tell",
        ),
    ),
    *seeded(
        LAYOUT,
        "Layout.copy_in",
        (
            "start-wrong-layout",
            "self.batch_last(x)",
            "self.xp.reshape(x, self.chain_shape)",
            "the starts of the chains are mixed",
        ),
    ),
    *seeded(
        RECORDER,
        "Recorder._mean_norm",
        (
            "score-norm-of-the-batch",
            "self._context.event_sum(score * score)",
            "self._context.xp.sum(score * score, axis=0)",
            "sums over chains where it should sum over the event",
        ),
    ),
    *seeded(
        RECORDER,
        "Recorder.record",
        (
            "trajectory-wrong-layout",
            "self._context.result(taken.step.x)",
            "self._context.xp.reshape(taken.step.x, self._context.shape)",
            "the result is right, what was kept is mixed",
        ),
    ),
    *seeded(
        RECORDER,
        "Recorder.wants",
        ("keep-off-by-one", "number % self._every", "(number - 1) % self._every", "late"),
        (
            "keep-last-missing",
            "number % self._every == 0 or number == self._total",
            "number % self._every == 0",
            "the last step may be missing",
        ),
    ),
    *seeded(
        DRIVER,
        "_Run.steps",
        (
            "levels-start-anew",
            "self._enter(kernel, row)",
            "self._x = self.context.copy_in(self.context.x0)\nself._enter(kernel, row)",
            "every level starts from x0, not from the level before",
        ),
    ),
    *seeded(
        DRIVER,
        "ChainSampler.iterate",
        (
            "iterate-ignores-the-seed",
            "self._begin(model, x0, rng)",
            "self._begin(model, x0, None)",
            "iterate and sample do not give the same chain",
        ),
    ),
    *seeded(
        LANGEVIN_LIMIT,
        "langevin_advice",
        ("stability-limit", "4 / curvature.size", "2 / curvature.size", "2/L"),
    ),
    *seeded(
        START,
        "initial",
        ("start-without-spread", "xp.sqrt(sigma_max ** 2 + width * width)", "sigma_max", "the data's spread left out"),
        ("start-spread-added", "xp.sqrt(sigma_max ** 2 + width * width)", "sigma_max + width", "added, not in squares"),
        ("start-sigma-not-squared", "sigma_max ** 2", "sigma_max", "σ for σ²"),
        (
            "start-variance",
            "xp.sqrt(sigma_max ** 2 + width * width)",
            "sigma_max ** 2 + width * width",
            "the variance for the deviation",
        ),
        (
            "start-without-mean",
            "center + xp.sqrt(sigma_max ** 2 + width * width) * z",
            "xp.sqrt(sigma_max ** 2 + width * width) * z",
            "the data's mean left out",
        ),
    ),
    *seeded(
        START,
        "_largest",
        ("start-smallest-level", "('largest', 'sigma_max')", "('smallest', 'sigma_min')", "σ_L for σ_1"),
        ("start-last-of-a-list", "return as_levels(noise).largest", "return as_levels(noise).smallest", "σ_L for σ_1"),
    ),
)
