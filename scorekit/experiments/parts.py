"""The parts of an experiment: data, network, noise, objective and sampler, made from its file."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit._arrays import as_rng
from scorekit._catalogue import DATASETS, NETWORKS, NOISE, OBJECTIVES, SAMPLERS, by_name
from scorekit._checks import check_number, check_option
from scorekit.datasets import ImageData
from scorekit.datasets._transforms import dequantized, dequantizing_noise, mirrored
from scorekit.errors import InvalidValueError, ScorekitError
from scorekit.experiments.config import Experiment, Section
from scorekit.protocols import Array, Backend, Objective, RngLike, ScoreModel
from scorekit.registry import provided
from scorekit.samplers.kernels import ChainSampler

__all__ = ["Parts"]

_AT_ONCE = 1000  # images per block


class AugmentedNoise(NamedTuple):
    """``pixels``: noise like the batch, or None. ``coins``: uniforms ``(n,)``, or None. ``objective``: its noise."""

    pixels: Array | None
    coins: Array | None
    objective: Any


@dataclass(frozen=True)
class Augmented:
    """An objective on augmented batches: dequantized, mirrored at random, and scaled to [−1, 1]."""

    objective: Objective
    dequantize: str | None
    levels: int | None
    flip: bool
    centered: bool

    def draw(self, x: Array, rng: RngLike = None) -> AugmentedNoise:
        """The noise of the augmentation and of the objective."""
        stream = as_rng(rng, x, "Augmented")
        pixels = None if self.dequantize is None else dequantizing_noise(x, self.dequantize, stream)
        coins = stream.uniform((x.shape[0],), like=x) if self.flip else None
        return AugmentedNoise(pixels, coins, self.objective.draw(x, stream))

    def __call__(
        self,
        model: ScoreModel,
        x: Array,
        rng: RngLike = None,
        weights: Array | None = None,
        *,
        noise: AugmentedNoise | None = None,
        condition: Any = None,
    ) -> Array:
        """The loss of the augmented batch."""
        noise = self.draw(x, rng) if noise is None else noise
        changed = self._changed(x, noise)
        return self.objective(model, changed, weights=weights, noise=noise.objective, condition=condition)

    def losses(
        self,
        model: ScoreModel,
        x: Array,
        rng: RngLike = None,
        *,
        noise: AugmentedNoise | None = None,
        condition: Any = None,
    ) -> Array:
        """The loss of each sample, ``(n,)``."""
        noise = self.draw(x, rng) if noise is None else noise
        return self.objective.losses(model, self._changed(x, noise), noise=noise.objective, condition=condition)

    @property
    def sampling_levels(self) -> Any:
        """The ``sampling_levels`` of the objective."""
        return getattr(self.objective, "sampling_levels", None)

    def as_seen(self, x: Array) -> Array:
        """Images as the network gets them, without augmentation."""
        return 2 * x - 1 if self.centered else x

    def _changed(self, x: Array, noise: AugmentedNoise) -> Array:
        if self.dequantize is not None:
            x = dequantized(x, noise.pixels, self.dequantize, levels=self.levels or 256)
        if self.flip:
            x = mirrored(x, noise.coins)
        return self.as_seen(x)


class Parts:
    """The data, network, noise, objective and sampler of an experiment. Each is made on first access.

    >>> from scorekit.experiments import read_experiment
    >>> parts = Parts(read_experiment({"backend": "numpy", "data": {"name": "shapes", "n": 40, "size": 8}}))
    >>> parts.data[0].images.shape
    (36, 1, 8, 8)
    """

    def __init__(self, experiment: Experiment, facts: Mapping[str, Any] | None = None) -> None:
        self.experiment, self._facts = experiment, facts or {}
        looks, self._data = experiment["data"].take("dequantize", "flip", "centered", "held_out")
        self._looks = Section(experiment["data"].where, looks)
        with self._looks.named():
            check_option(self._looks.get("dequantize"), "dequantize", (None, "uniform", "gaussian"))
            check_option(self._looks.get("flip", False), "flip", (True, False))
            check_option(self._looks.get("centered", False), "centered", (True, False))

    # ---------------------------------------------------------------- backend

    @cached_property
    def backend(self) -> Backend:
        """The backend on its device; "auto" uses CUDA if it is available."""
        name, device = self.experiment.backend, self.experiment.device
        if device != "auto":
            return sk.backend(name, device=device, dtype="float32")
        try:
            return sk.backend(name, device="cuda", dtype="float32")
        except sk.MissingBackendError:
            raise
        except ScorekitError:
            return sk.backend(name, device="cpu", dtype="float32")

    # ---------------------------------------------------------------- data

    @cached_property
    def data(self) -> tuple[ImageData, ImageData]:
        """The training images and the held-out images."""
        load, given = self._data.choose(by_name(DATASETS)), self._data.take("name")[1]
        all_of_it: ImageData = given.call(load, "name")
        with self._looks.named():
            proportion = check_number(self._looks.get("held_out", 0.1), "held_out")
            if not 0 <= proportion < 1:
                raise InvalidValueError(f"held_out must be a proportion in [0, 1), got {proportion:g}.")
        if proportion > 0:
            with self._looks.named():
                return all_of_it.split(1 - proportion, rng=self.experiment.seed)
        if "split" not in inspect.signature(load).parameters:
            raise InvalidValueError(f"{given.where}: held_out is 0, and this data set has no published test set.")
        return all_of_it, Section(given.where, {**given.values, "split": "test"}).call(load)

    @property
    def centered(self) -> bool:
        """Whether the network input is scaled to [−1, 1]."""
        return bool(self._looks.get("centered", False))

    def as_seen(self, images: Any) -> Any:
        """Scale images in [0, 1] to the range of the network input."""
        return 2 * images - 1 if self.centered else images

    def as_images(self, samples: Array) -> Any:
        """Samples as NumPy images, clipped to [0, 1]."""
        seen = self.backend.to_numpy(samples)
        return np.clip((seen + 1) / 2 if self.centered else seen, 0.0, 1.0)

    @cached_property
    def moments(self) -> tuple[Any, float]:
        """The mean image ``(1, c, h, w)`` and the standard deviation of pixels from it, at the scale of the input."""
        if "mean" in self._facts:
            return np.asarray(self._facts["mean"], np.float64), float(self._facts["std"])
        images = self.data[0].images
        parts = [images[i : i + _AT_ONCE] for i in range(0, len(images), _AT_ONCE)]
        mean = sum(part.sum(axis=0, keepdims=True, dtype=np.float64) for part in parts) / len(images)
        spread = sum(float(np.square(part - mean).sum()) for part in parts) / images.size
        return self.as_seen(mean), float(np.sqrt(spread)) * (2 if self.centered else 1)

    def facts(self) -> dict[str, Any]:
        """The properties of the data that sampling needs, so that sampling does not load the data."""
        mean, std = self.moments
        designed = {}
        if isinstance(self.noise, sk.noise.Designed):
            designed = {"designed": dataclasses.asdict(self.noise)}
        return {"mean": mean.tolist(), "std": std, "classes": list(self.class_names), **designed}

    def on_host(self, values: Any) -> Array:
        """A copy of these values as a host array of the framework; the learner moves batches to the device."""
        return sk.backend(self.experiment.backend).asarray(values.copy())

    def on_device(self, values: Any) -> Array:
        """A copy of these values on the device of the run, with the same dtype."""
        return self.backend.xp.asarray(values.copy(), device=self.like.device)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes of the data."""
        return tuple(self._facts["classes"] if "classes" in self._facts else map(str, self.data[0].classes or ()))

    @property
    def drops_conditions(self) -> bool:
        """Whether training also drops labels."""
        return bool(self.experiment["train"].get("condition_dropout", 0.0))

    def held_out(self) -> Any:
        """The held-out images, with labels if the network is conditional."""
        return self._pairs(self.data[1])

    def training_data(self) -> Any:
        """The training images, with labels if [network] has ``conditional = true``."""
        return self._pairs(self.data[0])

    def _pairs(self, data: ImageData) -> Any:
        if not self.conditional:
            return self.on_host(data.images)
        if data.labels is None:
            where = self.experiment["network"].where
            raise InvalidValueError(f"{where}: conditional is true, and {data.name} has no labels.")
        return self.on_host(data.images), self.on_host(data.labels)

    # ---------------------------------------------------------------- model and objective

    @cached_property
    def noise(self) -> Any:
        """The distribution of sigma in training."""
        section = self.experiment["noise"]
        make = section.choose(by_name(NOISE), "design", key="kind")
        if "designed" in self._facts:
            return sk.noise.Designed(**self._facts["designed"])
        fixed = {"data": self.as_seen(self.data[0].images)} if make is sk.noise.design else {}
        return section.take("kind")[1].call(make, "kind", **fixed)

    def network(self) -> Any:
        """A new network on the device, with its preconditioning."""
        section = self.experiment["network"]
        usual, name = section.choose(dict(NETWORKS), "UNet"), section.get("name", "UNet")
        chosen, rest = section.take("name", "preconditioning", "sigma_data", "conditional")
        make = provided(self.experiment.backend, name)
        images = self.data[0].images
        fixed: dict[str, Any] = {"rng": self.experiment.seed}
        if name == "MLP":
            fixed |= {"dim": int(np.prod(images.shape[1:])), "dtype": "float32", "conditional": True}
        else:
            fixed |= {"channels": images.shape[1]}
        if name == "NCSN":
            fixed["noise"] = self.noise_levels(Section(section.where, {}))
        own = [name for name in ("classes", "condition_dim") if name in rest.values]
        if own:
            raise InvalidValueError(
                f"{section.where}: {own[0]} is not a key of an experiment: write conditional = true, which takes the "
                "classes of the data."
            )
        if self.conditional:
            if "classes" not in inspect.signature(make).parameters:
                raise InvalidValueError(f"{section.where}: conditional is true, and {name} takes no classes.")
            fixed["classes"] = len(self.data[0].classes)
        net = rest.call(make, *chosen, **fixed)
        kind = chosen.get("preconditioning", usual)
        with section.named():
            model = net if kind == "none" else sk.models.Preconditioned(net, self._sigma_data(chosen), kind)
        if hasattr(net, "to"):
            net.to(self.backend.asarray(0.0).device)
        return model

    def _sigma_data(self, chosen: dict[str, Any]) -> float:
        """The key ``sigma_data``; by default the root mean square of the pixels."""
        if "sigma_data" in chosen:
            return chosen["sigma_data"]  # type: ignore[no-any-return]
        mean, std = self.moments
        return float(np.sqrt(std**2 + (mean**2).mean()))

    def objective(self) -> Augmented:
        """The objective on batches that are augmented as in [data]."""
        section = self.experiment["objective"]
        make = section.choose(by_name(OBJECTIVES), "noise-conditional")
        fixed = {"noise": self.noise} if make is sk.objectives.NoiseConditional else {}
        if section.get("weighting") == "edm" and "sigma_data" not in section.values:
            fixed["sigma_data"] = self._sigma_data({})
        loss = section.take("name")[1].call(make, "name", **fixed)
        looks = self._looks
        levels = self.data[0].levels
        return Augmented(loss, looks.get("dequantize"), levels, bool(looks.get("flip", False)), self.centered)

    # ---------------------------------------------------------------- sampling

    def noise_levels(self, section: Section) -> Any:
        """The noise levels of the keys sigma_max, sigma_min and levels of a section; by default those of training."""
        given, _ = section.take("sigma_max", "sigma_min", "levels")
        noise = self.noise
        if not given and hasattr(noise, "sigmas"):
            return noise
        keys = ("sigma_max", "sigma_min", "levels")
        whole: dict[str, Any] = {key: given.get(key, getattr(noise, key, None)) for key in keys}
        missing = [key for key, value in whole.items() if value is None]
        if missing:
            raise InvalidValueError(
                f"{section.where}: the key {missing[0]!r} is missing. The noise of training has no sequence of levels, "
                f"so the sampler needs sigma_max, sigma_min and levels."
            )
        with section.named():
            return sk.noise.Geometric(**whole)

    def sampler(self, section: Section | None = None) -> tuple[ChainSampler, Any]:
        """The sampler of a section, by default [sampler], and its noise levels."""
        section = self.experiment["sampler"] if section is None else section
        make = section.choose(by_name(SAMPLERS), "consistent")
        noise_levels = self.noise_levels(section)
        given, rest = section.take("name", "sigma_max", "sigma_min", "levels")
        if make is sk.samplers.ConsistentAnnealed:
            return rest.call(make, *given, noise=noise_levels), noise_levels
        keys = ("steps_per_level", "step_size") if make is sk.samplers.AnnealedLangevin else ("steps", "step_size")
        rest = Section(
            rest.where,
            {key: getattr(noise_levels, key) for key in keys if hasattr(noise_levels, key)} | dict(rest.values),
        )
        missing = [key for key in keys if key not in rest.values]
        if missing:
            steps, usual = (keys[0], 10 if keys[0] == "steps_per_level" else 1000)
            raise InvalidValueError(
                f"{rest.where}: {make.__name__} needs {' and '.join(missing)}; only noise of kind 'design' sets them. "
                f"Try {steps} = {usual} and step_size = {0.1 * noise_levels.smallest**2:.2g}, 0.1 times the squared "
                f"smallest level (on the command line --{steps.replace('_', '-')} and --step-size)."
            )
        fixed = {"noise": noise_levels} if make is sk.samplers.AnnealedLangevin else {}
        return rest.call(make, *given, **fixed), noise_levels

    @property
    def conditional(self) -> bool:
        """Whether the network is trained with labels."""
        return self.experiment["network"].flag("conditional", default=False)

    def score(self, model: ScoreModel, sampler: ChainSampler, noise_levels: Any) -> ScoreModel:
        """The model for the sampler; for plain Langevin at the smallest noise level."""
        return sk.models.at(model, noise_levels.smallest) if isinstance(sampler, sk.samplers.Langevin) else model

    def start(self, noise_levels: Any, like: Array) -> Any:
        """A function of a count and an Rng that draws initial points of chains."""
        mean, std = self.moments
        center = self.backend.asarray(mean, like=like)

        def begin(n: int, rng: RngLike) -> Array:
            return sk.samplers.initial(noise_levels, (n, *mean.shape[1:]), rng=rng, like=like, mean=center, std=std)

        return begin

    @property
    def like(self) -> Array:
        """An array with the framework, dtype and device of the run."""
        return self.backend.asarray(np.zeros((1, 1), np.float32))
