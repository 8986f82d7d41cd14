"""Seeded bugs of consistent annealed sampling and of inpainting."""

from __future__ import annotations

from .base import seeded

__all__ = ["CONSISTENT_SAMPLERS"]

CONSISTENT = "scorekit/samplers/consistent.py"
INPAINT = "scorekit/samplers/inpaint.py"

CONSISTENT_SAMPLERS = (
    *seeded(
        CONSISTENT,
        "Consistent.spread",
        (
            "cas-spread-of-the-source",
            "self.target ** 2 - ((1 - self.eta) * self.source) ** 2",
            "self.source ** 2 - ((1 - self.eta) * self.source) ** 2",
            "σ, not σ'",
        ),
        ("cas-spread-not-squared", "1 - self.eta", "(1 - self.eta) ** 2", "beta"),
        ("cas-eta-for-rest", "1 - self.eta", "self.eta", "η for 1 − η in beta"),
        ("cas-variance-for-deviation", "math.sqrt(variance)", "variance", "β² for β"),
    ),
    *seeded(
        CONSISTENT,
        "Consistent.step",
        (
            "cas-langevin-noise",
            "self.spread * walk.normal()",
            "math.sqrt(2 * self.eta) * self.source * walk.normal()",
            "the noise of Langevin, without regard to what is left",
        ),
        (
            "cas-drift-sign",
            "x + self.eta * self.source ** 2 * score",
            "x - self.eta * self.source ** 2 * score",
            "a sign",
        ),
        ("cas-drift-half", "self.eta * self.source ** 2", "0.5 * self.eta * self.source ** 2", "½"),
        ("cas-drift-sigma", "self.source ** 2", "self.source", "σ for σ²"),
        ("cas-drift-target", "self.source ** 2", "self.target ** 2", "one level ahead"),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._kernel",
        ("cas-not-ancestral", "(target / source) ** 2", "target / source", "1 − γ for 1 − γ²"),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed.plan",
        (
            "cas-model-at-the-target",
            "Stage(self._kernel(source, target), 1, source, i)",
            "Stage(self._kernel(source, target), 1, target, i)",
            "the model is asked one level ahead",
        ),
        (
            "cas-denoise-missing",
            "[Stage(Denoise(), 1, ladder.smallest, len(ladder) - 1)] if self.denoise else []",
            "[Stage(Denoise(), 1, ladder.smallest, len(ladder) - 1)] if False else []",
            "the last noise stays",
        ),
        (
            "cas-denoise-always",
            "[Stage(Denoise(), 1, ladder.smallest, len(ladder) - 1)] if self.denoise else []",
            "[Stage(Denoise(), 1, ladder.smallest, len(ladder) - 1)] if True else []",
            "even when refused",
        ),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._way",
        ("cas-linear-between", "k % n / n", "k % n", "whole ratios between"),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._check_eta",
        ("cas-range-one-sided", "(1 - eta) ** 2", "1 - eta", "no upper end for η"),
        (
            "cas-widest-ratio",
            "min((target / source for _, source, target in self._way()))",
            "max((target / source for _, source, target in self._way()))",
            "the range of the closest pair of levels",
        ),
    ),
    *seeded(
        INPAINT,
        "Clamped.init",
        (
            "inpaint-without-noise",
            "self.values if sigma is None else self.values + sigma * walk.normal()",
            "self.values",
            "the known entries have no noise at any level",
        ),
        ("inpaint-variance", "sigma * walk.normal()", "sigma ** 2 * walk.normal()", "σ² for σ"),
        ("inpaint-shared-noise", "sigma * walk.normal()", "sigma * 0 * walk.normal()", "noise of size 0"),
    ),
    *seeded(
        INPAINT,
        "Clamped.step",
        (
            "inpaint-noise-each-step",
            "self._clamp(known, x, walk)",
            "self._clamp(self.init(x, sigma, walk)[0], x, walk)",
            "fresh noise at each step of a level",
        ),
        ("inpaint-not-clamped", "self._clamp(known, x, walk)", "x", "values, not noisy"),
        (
            "inpaint-end-noisy",
            "self._clamp(self.values, moved.x, walk)",
            "self._clamp(known, moved.x, walk)",
            "the known entries come out with the noise of the last level",
        ),
    ),
    *seeded(
        INPAINT,
        "Clamped._clamp",
        (
            "inpaint-mask-inverted",
            "walk.layout.xp.where(self.mask, known, x)",
            "walk.layout.xp.where(self.mask, x, known)",
            "keeps the rest",
        ),
    ),
)
