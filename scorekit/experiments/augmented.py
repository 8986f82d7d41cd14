"""An objective on images that are changed as the section [data] of an experiment says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from scorekit.datasets._transforms import dequantized, dequantizing_noise, mirrored
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, RngLike

__all__ = ["Augmented"]


class AugmentedNoise(NamedTuple):
    """``pixels``: noise like the batch, or None. ``coins``: uniforms ``(n,)``, or None. ``objective``: its noise."""

    pixels: Array | None
    coins: Array | None
    objective: Any


@dataclass(frozen=True, repr=False)
class Augmented(ScoreObjective):
    """An objective on augmented batches: dequantized, mirrored at random, and scaled to [−1, 1]."""

    objective: Any
    dequantize: str | None
    levels: int | None
    flip: bool
    centered: bool

    def __repr__(self) -> str:
        looks = f"dequantize={self.dequantize!r}, flip={self.flip}, centered={self.centered}"
        return f"{self.objective!r} on images with {looks}"

    def draw(self, x: Array, rng: RngLike = None) -> AugmentedNoise:
        """The noise of the augmentation and of the objective."""
        stream = self._stream(x, rng)
        pixels = None if self.dequantize is None else dequantizing_noise(x, self.dequantize, stream)
        coins = stream.uniform((x.shape[0],), like=x) if self.flip else None
        return AugmentedNoise(pixels, coins, self.objective.draw(x, stream))

    @property
    def sampling_levels(self) -> Any:
        """The ``sampling_levels`` of the objective."""
        return self.objective.sampling_levels

    @property
    def takes_trace(self) -> bool:
        """The ``takes_trace`` of the objective."""
        return bool(getattr(self.objective, "takes_trace", False))

    def as_seen(self, x: Array) -> Array:
        """Images as the network gets them, without augmentation."""
        return 2 * x - 1 if self.centered else x

    def _losses(self, score: CheckedScore, x: Array, noise: AugmentedNoise) -> Array:
        changed = self._changed(x, noise)
        losses: Array = self.objective.losses(score.model, changed, noise=noise.objective, condition=score.condition)
        return losses

    def _changed(self, x: Array, noise: AugmentedNoise) -> Array:
        if self.dequantize is not None:
            x = dequantized(x, noise.pixels, self.dequantize, levels=self.levels or 256)
        if self.flip:
            x = mirrored(x, noise.coins)
        return self.as_seen(x)
