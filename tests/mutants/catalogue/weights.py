"""Seeded bugs of weights that other programs wrote: levels, times, predictions, dtypes, and what a file may do."""

from __future__ import annotations

from .base import seeded

__all__ = ["WEIGHTS"]

NETWORKS = "backends/scorekit_torch/networks"
PRETRAINED = "backends/scorekit_torch/pretrained.py"
LEARNER = "backends/scorekit_torch/learner.py"

WEIGHTS = (
    *seeded(
        f"{NETWORKS}/unet.py",
        "UNet._output",
        ("noise-for-score", "-output / as_column(sigma)", "output / as_column(sigma)", "the noise, not its negative"),
        ("noise-undivided", "-output / as_column(sigma)", "-output", "not divided by sigma"),
    ),
    *seeded(
        f"{NETWORKS}/unet.py",
        "UNet._scaled",
        ("vp-unscaled", "h * as_column(self._times.scale(level)).to(h.dtype)", "h", "x̄ in place of a x̄"),
    ),
    *seeded(
        f"{NETWORKS}/processes.py",
        "Variance.scale",
        ("subvp-scale-of-vp", "2 / (sigma + (4 + sigma * sigma) ** 0.5)", "preserved(sigma)", "a of the other process"),
    ),
    *seeded(
        f"{NETWORKS}/processes.py",
        "Variance.__call__",
        ("subvp-half", "torch.asinh(wide / 2)", "torch.asinh(wide)", "½ missing"),
        ("vp-variance", "torch.log1p(wide * wide)", "torch.log1p(wide)", "σ for σ²"),
        ("time-one-more", "(_STEPS - 1) * 2", "_STEPS * 2", "1000 t for 999 t"),
    ),
    *seeded(
        f"{NETWORKS}/processes.py",
        "discrete_levels",
        ("ddpm-std", "np.sqrt(1 / kept - 1)", "np.sqrt(1 - kept)", "the noise of x in place of that of x̄"),
    ),
    *seeded(
        f"{NETWORKS}/convert.py",
        "_indexed_levels",
        ("levels-of-the-settings", "return weights.levels", "return asked", "the levels of the file are dropped"),
    ),
    *seeded(
        f"{NETWORKS}/reader.py",
        "_Unpickler.find_class",
        (
            "pickle-imports",
            "type(name.rpartition('.')[2], (Record,), {'__module__': module})",
            "super().find_class(module, name)",
            "what a file names is imported and called",
        ),
    ),
    *seeded(
        PRETRAINED,
        "DiffusersScore.forward",
        ("v-sigma-and-a", "a / column * output", "a * column * output", "1/σ became σ"),
        ("v-data-term", "-(a ** 2) * x", "-a * x", "ᾱ became √ᾱ"),
        ("sample-sigma", "column ** 2", "column", "σ for σ²"),
        ("unet-sees-x-bar", "a * x", "x", "x̄ in place of √ᾱ x̄"),
    ),
    *seeded(
        PRETRAINED,
        "_levels",
        ("unet-std", "np.sqrt(1 / alphas - 1)", "np.sqrt(1 - alphas)", "the noise of x in place of that of x̄"),
    ),
    *seeded(
        LEARNER,
        "TorchLearner._numbers",
        ("scale-not-undone", "1 / self._scale.factor", "1.0", "the gradient stays scaled"),
    ),
    *seeded(
        LEARNER,
        "TorchLearner.match",
        ("dtype-of-the-network", "self._prepare(self._module.to(x.dtype))", "None", "the weights keep their dtype"),
    ),
    *seeded(
        "scorekit/storage/networks.py",
        "_not_finite",
        ("infinite-weights", "~np.isfinite(value)", "np.isnan(value)", "infinite weights are saved"),
    ),
)
