"""Seeded bugs of the machinery that all samplers share."""

from __future__ import annotations

from .base import seeded

__all__ = ["SAMPLERS"]

BLOCKS = "scorekit/samplers/blocks.py"
WALK = "scorekit/samplers/walk.py"
LAYOUT = "scorekit/samplers/layout.py"
RECORDS = "scorekit/samplers/records.py"
CHAIN = "scorekit/samplers/chain.py"
DIVERGENCE = "scorekit/samplers/divergence.py"
START = "scorekit/samplers/start.py"

SAMPLERS = (
    *seeded(
        BLOCKS,
        "_Run.one",
        ("blocks-one-stream", "self.streams[index]", "self.streams[0]", "one stream: all blocks are the same"),
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
        WALK,
        "Walk.normal",
        (
            "noise-reused",
            "self._rng.normal(self.layout.inner_shape, like=self.x0)",
            "vars(self).setdefault('_z', self._rng.normal(self.layout.inner_shape, like=self.x0))",
            "the noise of the first step at every step",
        ),
        (
            "noise-outer-layout",
            "self._rng.normal(self.layout.inner_shape, like=self.x0)",
            "self._rng.normal(self.layout.shape, like=self.x0)",
            "noise laid out for the caller, not for the chain",
        ),
    ),
    *seeded(
        WALK,
        "Walk.score",
        (
            "score-wrong-layout",
            "self.layout.inner(s)",
            "self.layout.xp.reshape(s, self.layout.inner_shape)",
            "reshaped where it should be transposed: scores of other chains",
        ),
        (
            "points-wrong-layout",
            "self.layout.outer(x)",
            "self.layout.xp.reshape(x, self.layout.shape)",
            "the model sees coordinates of different chains side by side",
        ),
    ),
    *seeded(
        LAYOUT,
        "Layout.leave",
        (
            "result-wrong-layout",
            "self.outer(x)",
            "x",
            "every number right, none in its place: the marginals do not tell",
        ),
    ),
    *seeded(
        LAYOUT,
        "Layout.enter",
        ("start-wrong-layout", "self.inner(x)", "x", "the starts of the chains are mixed"),
    ),
    *seeded(
        LAYOUT,
        "Layout.event_sum",
        (
            "score-norm-of-the-batch",
            "range(len(self.shape) - 1)",
            "range(1, len(self.shape))",
            "sums over chains where it should sum over the event",
        ),
    ),
    *seeded(
        RECORDS,
        "Recorder.record",
        (
            "trajectory-wrong-layout",
            "self._walk.layout.outer(tick.moved.x)",
            "self._walk.layout.xp.reshape(tick.moved.x, self._walk.layout.shape)",
            "the result is right, what was kept is mixed",
        ),
    ),
    *seeded(
        RECORDS,
        "Recorder.wants",
        ("keep-off-by-one", "step % self._every", "(step - 1) % self._every", "late"),
        (
            "keep-last-missing",
            "step % self._every == 0 or step == self._total",
            "step % self._every == 0",
            "the last step may be missing",
        ),
    ),
    *seeded(
        CHAIN,
        "ChainSampler._ticks",
        (
            "levels-start-anew",
            "carry = stage.kernel.init(x, stage.sigma, walk)",
            "x = walk.layout.enter(walk.x0)\ncarry = stage.kernel.init(x, stage.sigma, walk)",
            "every level starts from x0, not from the level before",
        ),
    ),
    *seeded(
        CHAIN,
        "ChainSampler.iterate",
        (
            "iterate-ignores-the-seed",
            "self._begin(model, x0, rng)",
            "self._begin(model, x0, None)",
            "iterate and sample do not give the same chain",
        ),
    ),
    *seeded(
        DIVERGENCE,
        "langevin_advice",
        ("stability-limit", "4 / autopsy.curvature", "2 / autopsy.curvature", "2/L"),
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
        ("start-last-of-a-list", "return as_ladder(noise).largest", "return as_ladder(noise).smallest", "σ_L for σ_1"),
    ),
)
