"""Seeded bugs of the image networks."""

from __future__ import annotations

from .base import seeded

__all__ = ["IMAGE_NETWORKS"]

NORM = "backends/scorekit_torch/networks/normalization.py"
REFINENET = "backends/scorekit_torch/networks/refinenet.py"
COMPILING = "backends/scorekit_torch/networks/compiling.py"
IMAGE = "backends/scorekit_torch/networks/_image.py"
NCSNV2 = "backends/scorekit_torch/networks/ncsnv2.py"
BLOCKS = "backends/scorekit_torch/networks/residual.py"
RESAMPLING = "backends/scorekit_torch/networks/resampling.py"
UNET = "backends/scorekit_torch/networks/unet.py"
STAGES = "backends/scorekit_torch/networks/stages.py"
CONVERT = "backends/scorekit_torch/networks/convert.py"

IMAGE_NETWORKS = (
    *seeded(
        NORM,
        "_standardized",
        ("norm-biased-variance", "(1 - 1 / c) * _EPS", "_EPS", "n for n − 1 beside ε"),
        (
            "norm-biased-contrast",
            "(1 - 1 / c) ** 0.5 * layer_norm(means, (c,), eps=(1 - 1 / c) * _EPS)",
            "layer_norm(means, (c,), eps=(1 - 1 / c) * _EPS)",
            "n for n − 1",
        ),
    ),
    *seeded(
        NORM,
        "InstanceNormPlus.forward",
        ("norm-alpha-alone", "gamma * alpha", "alpha", "γ left out of the means"),
        (
            "norm-sign",
            "beta + gamma * alpha * _standardized(mean + heights) - mean * scale",
            "beta + gamma * alpha * _standardized(mean + heights) + mean * scale",
            "a sign",
        ),
        ("norm-means-of-the-rest", "mean + heights", "mean", "a pixel left out"),
        ("norm-without-pivot", "wide[:, :, :1, :1].detach()", "torch.zeros_like(wide[:, :, :1, :1])", "they cancel"),
        ("norm-in-half-precision", "x.to(gamma.dtype)", "x", "close means are one"),
    ),
    *seeded(
        NORM,
        "_Moments.backward",
        ("norm-gradient-of-squares", "2 * share", "share", "2 left out"),
    ),
    *seeded(
        NORM,
        "_Moments.jvp",
        ("norm-tangent-of-squares", "2 * (x * tangent).mean((2, 3))", "(x * tangent).mean((2, 3))", "2 left out"),
    ),
    *seeded(
        NORM,
        "InstanceNormPlus._rows",
        ("norm-level-of-all", "self.weight[at.level]", "self.weight[0]", "the first level's weights for all"),
        (
            "norm-without-class",
            "rows + (self.class_weight[at.told] if at.told.ndim == 1 else at.told @ self.condition_weight)",
            "rows",
            "the label is ignored",
        ),
    ),
    *seeded(
        REFINENET,
        "_conv_and_halve",
        (
            "halve-twice",
            "(pad(w, (0, 1, 0, 1)) + pad(w, (1, 0, 0, 1)) + pad(w, (0, 1, 1, 0)) + pad(w, (1, 0, 1, 0))) / 4",
            "(pad(w, (0, 1, 0, 1)) + pad(w, (1, 0, 0, 1)) + pad(w, (0, 1, 1, 0)) + pad(w, (1, 0, 1, 0))) / 2",
            "¼ became ½",
        ),
        ("halve-shifted", "(1, 0, 0, 1)", "(0, 1, 0, 1)", "one of four shifts twice"),
    ),
    *seeded(
        REFINENET,
        "mean_pool",
        ("mean-pool-of-inside", "1 / 25", "1 / 24", "the mean over too few pixels"),
    ),
    *seeded(
        COMPILING,
        "max_pool",
        ("max-pool-narrow", "max_pool2d(x, 5, 1, 2)", "max_pool2d(x, 3, 1, 1)", "3x3 for 5x5"),
    ),
    *seeded(
        COMPILING,
        "_running_max",
        ("max-pool-of-four", "h.narrow(side, 4, n)", "h.narrow(side, 3, n)", "4 for 5, compiled only"),
        ("max-pool-of-zeros", "-torch.inf", "0.0", "zeros outside win, compiled only"),
    ),
    *seeded(
        COMPILING,
        "elu",
        ("elu-overflows", "wide.clamp(max=0)", "wide", "a gradient of NaN, compiled only"),
    ),
    *seeded(
        COMPILING,
        "_hats",
        ("corners-apart", "old - 1", "old", "aligned wrongly, compiled only"),
    ),
    *seeded(
        IMAGE,
        "ImageNetwork.forward",
        ("one-graph-a-level", "as_row(at.level, x, kind)", "at.level", "a graph for each level"),
    ),
    *seeded(
        IMAGE,
        "ImageNetwork.__getstate__",
        (
            "compiled-copies",
            "{name: value for name, value in state.items() if name != '_compiled'}",
            "{name: value for name, value in state.items()}",
            "a copy computes with another's weights",
        ),
    ),
    *seeded(
        IMAGE,
        "ImageNetwork._computed",
        ("rescale-half", "2 * h - 1", "2 * h", "[0, 1] does not become [−1, 1]"),
    ),
    *seeded(
        NCSNV2,
        "NCSNv2._output",
        ("ncsnv2-times-sigma", "output / as_column(sigma)", "output * as_column(sigma)", "σ for 1/σ"),
        ("ncsnv2-variance", "as_column(sigma)", "as_column(sigma) ** 2", "σ² for σ"),
    ),
    *seeded(
        BLOCKS,
        "Attention.forward",
        ("attention-scale", "-0.5", "-1.0", "1/C for 1/√C"),
        ("attention-transposed", "weights.transpose(1, 2)", "weights", "sums over queries"),
    ),
    *seeded(
        BLOCKS,
        "<module>",
        ("skip-half", "math.sqrt(0.5)", "0.5", "½ for 1/√2"),
    ),
    *seeded(
        BLOCKS,
        "SigmaEmbedding._waves",
        ("waves-swapped", "[phase.sin(), phase.cos()]", "[phase.cos(), phase.sin()]", "sin and cos"),
        (
            "waves-without-pi",
            "t[:, None] * self.frequencies * 2 * math.pi",
            "t[:, None] * self.frequencies * 2",
            "2π became 2",
        ),
        ("waves-spacing", "half - 1", "half", "the last frequency is not 1e-4"),
    ),
    *seeded(
        RESAMPLING,
        "Resample.enlarge",
        ("fir-gain", "4 * self._kernels(x)", "self._kernels(x)", "enlarging loses a factor of 4"),
    ),
    *seeded(
        UNET,
        "UNet._output",
        (
            "unet-forgets-sigma",
            "output / as_column(sigma) if self.divide_by_sigma else output",
            "output",
            "the output is not divided by sigma",
        ),
    ),
    *seeded(
        STAGES,
        "Expanding.forward",
        ("unet-one-image", "self.resample.enlarge(image) + self.head(h)", "self.head(h)", "the last only"),
    ),
    *seeded(
        CONVERT,
        "load_ncsnv2",
        ("published-rows", "('gamma', 'alpha', 'beta')", "('alpha', 'gamma', 'beta')", "γ and α swapped"),
    ),
    *seeded(
        CONVERT,
        "<module>",
        ("published-order", "('1', '2', '31', '3', '4', '5')", "('1', '2', '3', '31', '4', '5')", "order"),
    ),
)
