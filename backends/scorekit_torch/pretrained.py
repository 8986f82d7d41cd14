"""Networks of the library diffusers as score models. Nothing is imported from it: its objects are called."""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.learning import as_sigma, check_batch, check_option, expand
from scorekit_torch.networks.levels import as_row
from scorekit_torch.networks.processes import Timesteps, preserved

__all__ = ["DiffusersScore", "from_diffusers"]

Array: TypeAlias = Any

_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_LEARNED = ("learned", "learned_range")


class DiffusersScore(nn.Module):
    """A UNet of diffusers as a score model; made by :func:`from_diffusers`, which documents it."""

    per_sample = False  # sigma may be a number or an array (n,)

    def __init__(self, unet: nn.Module, sigmas: Any, prediction: str, learned_variance: bool) -> None:
        super().__init__()
        self.unet, self.prediction, self._learned_variance = unet, prediction, learned_variance
        self._times = Timesteps(sigmas, range(len(sigmas)))
        self._told = _condition_of(unet)
        self.trained_levels = self._times.lowest, self._times.highest

    @property
    def takes_condition(self) -> bool:
        """Whether the UNet was made for classes, or for states of an encoder."""
        return self._told[0] is not None

    @property
    def classes(self) -> int | None:
        """The number of classes that the UNet embeds; None without classes."""
        return getattr(getattr(self.unet, "config", None), "num_class_embeds", None)

    def forward(self, x: Array, sigma: Any, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, c, h, w)``, shaped like ``x``."""
        check_batch(x, finite=False)
        level = as_sigma(sigma, x)
        if level is None:
            raise InvalidValueError("this network is conditional on sigma, got None: call model(x, sigma).")
        step, a, column = self._times(level), expand(preserved(level), x), expand(level, x)
        output = self._output(a * x, as_row(step, x, torch.float32).expand(x.shape[0]), condition)
        if self.prediction == "epsilon":
            return -output / column
        if self.prediction == "sample":
            return (output - x) / column**2
        return -(a**2) * x - (a / column) * output

    def _output(self, x: Array, step: Array, condition: Array | None) -> Array:
        name, required = self._told
        if condition is None and required:
            raise InvalidValueError(
                f"this UNet takes {name}, and no condition was passed: write sk.models.condition(model, c)."
            )
        if condition is not None and name is None:
            raise InvalidTypeError("a condition was passed, but this UNet takes none: leave it out.")
        dtype = next((p.dtype for p in self.unet.parameters()), x.dtype)
        if condition is not None and condition.is_floating_point():
            condition = condition.to(dtype)
        told = {} if name is None or condition is None else {name: condition}
        output = self.unet(x.to(dtype), step.to(x.device), **told)
        output = getattr(output, "sample", output).to(x.dtype)
        return output[:, : x.shape[1]] if self._learned_variance else output


def from_diffusers(unet: Any, scheduler: Any) -> DiffusersScore:
    """A score model from a UNet of diffusers and the scheduler that it was trained with.

    The UNet is told the step i of the scheduler, and x_i = √ᾱ_i clean + √(1 − ᾱ_i) z. The model is the score of
    x̄ = clean + sigma z at sigma = √(1/ᾱ_i − 1), with x_i = √ᾱ_i x̄ and

    - s = −ε/sigma for ``prediction_type="epsilon"``,
    - s = −ᾱ x̄ − √ᾱ v/sigma for ``"v_prediction"``,
    - s = (F − x̄)/sigma² for ``"sample"``.

    Between two levels the step is interpolated linearly in log sigma, and the UNet gets a step that is not an integer.
    Levels outside of the scheduler's raise an error. Images are in the range of the training, usually [−1, 1]. What a
    sampler of diffusers does to the denoised image (``clip_sample``, ``thresholding``) is not part of the score.

    Args:
        unet: ``UNet2DModel``, ``UNet2DConditionModel``, or a module that is called like them, ``unet(x, step).sample``.
            It is put in eval mode and not copied. The condition of the model is ``class_labels`` for a UNet with
            classes, else ``encoder_hidden_states`` where the UNet takes them.
        scheduler: ``DDPMScheduler``, ``DDIMScheduler`` or another with ``alphas_cumprod`` and ``prediction_type``,
            of any ``beta_schedule``. A last level of infinite noise (``rescale_betas_zero_snr``) is left out.

    Returns:
        A module ``s(x, sigma, condition)``; ``trained_levels`` holds the smallest and the largest level.

    Raises:
        TypeError: the scheduler has no ``alphas_cumprod``, as those of variance-exploding, EDM and flow models.
        ValueError: an unknown ``prediction_type``; when called, a level that the scheduler does not reach, or a
            missing condition.

    References: Ho, Jain, Abbeel, Denoising Diffusion Probabilistic Models, 2020, arXiv:2006.11239. Salimans, Ho,
    Progressive Distillation for Fast Sampling of Diffusion Models, 2022, arXiv:2202.00512 (v).

    >>> from types import SimpleNamespace
    >>> class Zero(torch.nn.Module):
    ...     def forward(self, x, step):
    ...         return SimpleNamespace(sample=0 * x)
    >>> scheduler = SimpleNamespace(
    ...     alphas_cumprod=torch.tensor([0.99, 0.5, 0.01]), config=SimpleNamespace(prediction_type="sample")
    ... )
    >>> model = from_diffusers(Zero(), scheduler)
    >>> model(torch.ones(1, 1, 2, 2), 0.5).unique()
    tensor([-4.])
    """
    if not isinstance(unet, nn.Module):
        parts = hasattr(unet, "unet") and hasattr(unet, "scheduler")
        raise InvalidTypeError(
            f"unet is a {describe(unet)}: expected a module."
            + (" Write from_diffusers(pipeline.unet, pipeline.scheduler)." if parts else "")
        )
    kept = getattr(scheduler, "alphas_cumprod", None)
    if kept is None:
        raise InvalidTypeError(
            f"scheduler is a {describe(scheduler)} without alphas_cumprod: expected a variance-preserving one, as "
            "DDPMScheduler or DDIMScheduler."
        )
    settings = getattr(scheduler, "config", scheduler)
    prediction: Any = getattr(settings, "prediction_type", None)
    check_option(prediction, "prediction_type", _PREDICTIONS)
    learned = getattr(settings, "variance_type", None) in _LEARNED
    return DiffusersScore(unet, _levels(kept), prediction, learned).eval()


def _levels(kept: Any) -> Any:
    """√(1/ᾱ − 1), ascending, without levels of infinite noise at the end."""
    alphas = np.asarray(torch.as_tensor(kept).detach().cpu().double())
    alphas = alphas[: int(np.argmin(alphas > 0))] if (alphas <= 0).any() else alphas
    if len(alphas) < 2 or alphas[0] >= 1 or not np.all(np.diff(alphas) < 0):
        raise InvalidValueError("alphas_cumprod of the scheduler do not descend strictly from below 1 towards 0.")
    return np.sqrt(1 / alphas - 1)


def _condition_of(unet: nn.Module) -> tuple[str | None, bool]:
    """The argument of the UNet that the condition is passed to, None for an unconditional one, and if it is needed."""
    config, taken = getattr(unet, "config", None), inspect.signature(unet.forward).parameters
    if config is None:
        named = next((taken[name] for name in ("class_labels", "encoder_hidden_states") if name in taken), None)
        return (None, False) if named is None else (named.name, named.default is named.empty)
    if getattr(config, "num_class_embeds", None) is not None or getattr(config, "class_embed_type", None) is not None:
        return "class_labels", True
    return ("encoder_hidden_states", True) if "encoder_hidden_states" in taken else (None, False)
