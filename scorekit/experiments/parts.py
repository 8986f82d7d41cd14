"""The parts of an experiment: data, network, noise, objective and sampler, made from its file."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._catalogue import DATASETS, NETWORKS, NOISE, OBJECTIVES, SAMPLERS, by_name
from scorekit._checks import check_number, check_option
from scorekit.datasets import ImageBatches, ImageData
from scorekit.datasets._pixels import floats
from scorekit.datasets._sizes import height_and_width
from scorekit.datasets._transforms import padded, unpadded
from scorekit.errors import InvalidValueError, ScorekitError
from scorekit.experiments.augmented import Augmented
from scorekit.experiments.config import Experiment, Section
from scorekit.protocols import Array, Backend, RngLike, ScoreModel
from scorekit.registry import provided
from scorekit.samplers.kernels import ChainSampler

__all__ = ["Parts"]

_AT_ONCE, _NUMBERS_AT_ONCE = 1000, 1 << 22  # images, and float32 numbers, per block
_DESIGN_AT_MOST = 1 << 26  # float32 numbers in the images from which noise levels are designed


class Parts:
    """The data, network, noise, objective and sampler of an experiment. Each is made on first access.

    >>> from scorekit.experiments import read_experiment
    >>> parts = Parts(read_experiment({"backend": "numpy", "data": {"name": "shapes", "n": 40, "size": 8}}))
    >>> parts.data[0].images.shape
    (36, 1, 8, 8)
    """

    def __init__(self, experiment: Experiment, facts: Mapping[str, Any] | None = None) -> None:
        self.experiment, self._facts = experiment, facts or {}
        looks, self._data = experiment["data"].take("dequantize", "flip", "centered", "held_out", "pad")
        self._looks = Section(experiment["data"].where, looks)
        with self._looks.named():
            check_option(self._looks.get("dequantize"), "dequantize", (None, "uniform", "gaussian"))
            check_option(self._looks.get("flip", False), "flip", (True, False))
            check_option(self._looks.get("centered", False), "centered", (True, False))
            self._pad = None if "pad" not in looks else height_and_width(looks["pad"], "pad")
            self._proportion = check_number(self._looks.get("held_out", 0.1), "held_out")
            if not 0 <= self._proportion < 1:
                raise InvalidValueError(f"held_out must be a proportion in [0, 1), got {self._proportion:g}.")

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
    def _loaded(self) -> ImageData:
        load, given = self._data.choose(by_name(DATASETS)), self._data.take("name")[1]
        data: ImageData = given.call(load, "name")
        small = [side for side, most in zip(data.shape[2:], self._pad or data.shape[2:], strict=True) if side > most]
        if small:
            raise InvalidValueError(
                f"{given.where}: pad is {self._looks.get('pad')}, and the images have {data.shape[2]}×{data.shape[3]} "
                "pixels: expected at least that. To make images smaller use size, a key of most loaders."
            )
        return data

    @cached_property
    def data(self) -> tuple[ImageData, ImageData | None]:
        """The training images and the held-out images; None if ``held_out`` is 0 and there is no published test set."""
        whole, p = self._loaded, self._proportion
        if p == 0:
            return whole, self._published_test_set()
        if not 0 < round((1 - p) * len(whole)) < len(whole):
            raise InvalidValueError(
                f"{self._looks.where}: held_out is {p:g} of {len(whole)} images: expected images in both parts. To "
                "train on all of them write held_out = 0."
            )
        return whole.split(1 - p, rng=self.experiment.seed)

    def _published_test_set(self) -> ImageData | None:
        load, given = self._data.choose(by_name(DATASETS)), self._data.take("name")[1]
        parameters = inspect.signature(load).parameters
        if "split" not in parameters or given.get("split", parameters["split"].default) != "train":
            return None
        return Section(given.where, {**given.values, "split": "test"}).call(load)  # type: ignore[no-any-return]

    @property
    def event(self) -> tuple[int, ...]:
        """The shape ``(c, h, w)`` of the network input."""
        channels, *size = self.data[0].shape[1:]
        return (channels, *(self._pad or size))

    def _prepared(self, images: Array) -> Array:
        """Images with the size of the network input."""
        return images if self._pad is None else padded(images, self._pad)

    def _blocks(self, data: ImageData) -> Iterator[Any]:
        """The images of the network input as float32 in [0, 1], some at a time."""
        step = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // math.prod(self.event)))
        for start in range(0, len(data), step):
            yield self._prepared(data[start : start + step].images)

    @property
    def centered(self) -> bool:
        """Whether the network input is scaled to [−1, 1]."""
        return bool(self._looks.get("centered", False))

    def as_seen(self, images: Any) -> Any:
        """Scale images in [0, 1] to the range of the network input."""
        return 2 * images - 1 if self.centered else images

    def as_images(self, samples: Array) -> Any:
        """Samples as NumPy images of the size of the data, clipped to [0, 1]."""
        return np.clip(self.as_shown(self.backend.to_numpy(samples)), 0.0, 1.0)

    def as_shown(self, samples: Any) -> Any:
        """Samples at the scale and with the size of the data."""
        shown = (samples + 1) / 2 if self.centered else samples
        return shown if self._pad is None else unpadded(shown, self._size)

    @cached_property
    def _size(self) -> tuple[int, int]:
        """The height and the width of the data."""
        height, width = self._facts["size"] if "size" in self._facts else self.data[0].shape[2:]
        return height, width

    @cached_property
    def moments(self) -> tuple[Any, float]:
        """The mean image ``(1, c, h, w)`` and the standard deviation of pixels from it, at the scale of the input."""
        if "mean" in self._facts:
            return np.asarray(self._facts["mean"], np.float64), float(self._facts["std"])
        n = len(self.data[0])
        mean = sum(part.sum(axis=0, keepdims=True, dtype=np.float64) for part in self._blocks(self.data[0])) / n
        spread = sum(float(np.square(part - mean).sum()) for part in self._blocks(self.data[0])) / (n * mean.size)
        return self.as_seen(mean), float(np.sqrt(spread)) * (2 if self.centered else 1)

    def facts(self) -> dict[str, Any]:
        """The properties of the data that sampling needs, so that sampling does not load the data."""
        mean, std = self.moments
        designed = {}
        if isinstance(self.noise, sk.noise.Designed):
            designed = {"designed": dataclasses.asdict(self.noise)}
        return {"mean": mean.tolist(), "std": std, "classes": list(self.class_names), "size": self._size, **designed}

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
        """The held-out images, with labels if the network is conditional, as arrays."""
        if self.data[1] is None:
            raise InvalidValueError(
                f"{self._looks.where}: held_out is 0, so there are no images to validate on: set held_out, or omit "
                "validate in [train]."
            )
        x, labels = self._batches(self.data[1]).take(np.arange(len(self.data[1])))
        return x if labels is None else (x, labels)

    def training_data(self) -> ImageBatches:
        """The training images, with labels if [network] has ``conditional = true``."""
        return self._batches(self.data[0])

    def _batches(self, data: ImageData) -> ImageBatches:
        self._check_labels(data)
        return data.batches(self.experiment.backend, labels=self.conditional, transform=self._prepared)

    def _check_labels(self, data: ImageData) -> None:
        if self.conditional and data.labels is None:
            raise InvalidValueError(
                f"{self.experiment['network'].where}: conditional is true, and the data {data.name} have no labels: "
                'give them labels in [data], for instance label_key = "…" for a file of arrays, or leave conditional '
                "out."
            )

    def _for_design(self) -> Any:
        """The images from which noise levels are designed: all, or a random choice that fits in 256 MB."""
        most = max(2, _DESIGN_AT_MOST // math.prod(self.event))
        data = self.data[0]
        if len(data) > most:
            data = data.subset(n=most, rng=self.experiment.seed)
        return self.as_seen(self._prepared(floats(data.stored, data.levels, data.rows)))

    # ---------------------------------------------------------------- model and objective

    @cached_property
    def noise(self) -> Any:
        """The distribution of sigma in training."""
        section = self.experiment["noise"]
        make = section.choose(by_name(NOISE), "design", key="kind")
        if "designed" in self._facts:
            return sk.noise.Designed(**self._facts["designed"])
        fixed = {"data": self._for_design()} if make is sk.noise.design else {}
        return section.take("kind")[1].call(make, "kind", **fixed)

    def network(self) -> Any:
        """A new network on the device, with its preconditioning."""
        section = self.experiment["network"]
        usual, name = section.choose(dict(NETWORKS), "UNet"), section.get("name", "UNet")
        chosen, rest = section.take("name", "preconditioning", "sigma_data", "conditional")
        make = provided(self.experiment.backend, name)
        fixed: dict[str, Any] = {"rng": self.experiment.seed}
        if name == "MLP":
            fixed |= {"dim": math.prod(self.event), "dtype": "float32", "conditional": True}
        else:
            fixed |= {"channels": self.event[0]}
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
            self._check_labels(self.data[0])
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
