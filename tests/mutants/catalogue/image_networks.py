"""Seeded bugs of the image networks."""

from __future__ import annotations

from .base import Mutant

__all__ = ["IMAGE_NETWORKS"]

NETWORKS = "backends/scorekit_torch/networks/"
NORM, REFINENET, NCSNV2 = NETWORKS + "normalization.py", NETWORKS + "refinenet.py", NETWORKS + "ncsnv2.py"
BLOCKS, RESAMPLING, UNET = NETWORKS + "residual.py", NETWORKS + "resampling.py", NETWORKS + "unet.py"
STAGES, CONVERT, IMAGE = NETWORKS + "stages.py", NETWORKS + "convert.py", NETWORKS + "_image.py"
COMPILING = NETWORKS + "compiling.py"

IMAGE_NETWORKS = (
    Mutant("norm-biased-variance", NORM, "eps=(1 - 1 / c) * _EPS", "eps=_EPS", "n for n − 1 beside ε"),
    Mutant("norm-biased-contrast", NORM, "(1 - 1 / c) ** 0.5 * layer_norm", "layer_norm", "n for n − 1"),
    Mutant("norm-alpha-alone", NORM, "beta + gamma * alpha *", "beta + alpha *", "γ left out of the means"),
    Mutant("norm-sign", NORM, "heights) - mean * scale", "heights) + mean * scale", "a sign"),
    Mutant("norm-means-of-the-rest", NORM, "_standardized(mean + heights)", "_standardized(mean)", "a pixel left out"),
    Mutant(
        "norm-without-pivot", NORM, "wide[:, :, :1, :1].detach()", "torch.zeros_like(wide[:, :, :1, :1])", "they cancel"
    ),
    Mutant("norm-in-half-precision", NORM, "wide = x.to(gamma.dtype)", "wide = x", "close means are one"),
    Mutant("norm-gradient-of-squares", NORM, "2 * share * by_square", "share * by_square", "2 left out"),
    Mutant("norm-tangent-of-squares", NORM, "2 * (x * tangent)", "(x * tangent)", "2 left out"),
    Mutant("norm-level-of-all", NORM, "self.weight[at.level]", "self.weight[0]", "the first level's weights for all"),
    Mutant("norm-without-class", NORM, "rows + self.class_weight[at.label]", "rows", "the label is ignored"),
    Mutant("halve-twice", REFINENET, "pad(w, (1, 0, 1, 0))) / 4", "pad(w, (1, 0, 1, 0))) / 2", "¼ became ½"),
    Mutant("halve-shifted", REFINENET, "pad(w, (1, 0, 0, 1))", "pad(w, (0, 1, 0, 1))", "one of four shifts twice"),
    Mutant("mean-pool-of-inside", REFINENET, "1 / 25", "1 / 24", "the mean over too few pixels"),
    Mutant("max-pool-narrow", COMPILING, "max_pool2d(x, 5, 1, 2)", "max_pool2d(x, 3, 1, 1)", "3x3 for 5x5"),
    Mutant("max-pool-of-four", COMPILING, "h.narrow(side, 4, n)", "h.narrow(side, 3, n)", "4 for 5, compiled only"),
    Mutant("max-pool-of-zeros", COMPILING, "value=-torch.inf", "value=0.0", "zeros outside win, compiled only"),
    Mutant("elu-overflows", COMPILING, "wide.clamp(max=0).exp()", "wide.exp()", "a gradient of NaN, compiled only"),
    Mutant(
        "corners-apart", COMPILING, "linspace(0, old - 1, new", "linspace(0, old, new", "aligned wrongly, compiled only"
    ),
    Mutant("one-graph-a-level", IMAGE, "as_row(at.level, x, torch.long)", "at.level", "a graph for each level"),
    Mutant("compiled-copies", IMAGE, 'if name != "_compiled"', "", "a copy computes with another's weights"),
    Mutant("ncsnv2-times-sigma", NCSNV2, "output / align", "output * align", "σ for 1/σ"),
    Mutant("ncsnv2-variance", NCSNV2, "align(sigma, h)", "align(sigma, h) ** 2", "σ² for σ"),
    Mutant("rescale-half", IMAGE, "2 * h - 1", "2 * h", "[0, 1] does not become [−1, 1]"),
    Mutant("attention-scale", BLOCKS, "q.shape[1] ** -0.5", "q.shape[1] ** -1.0", "1/C for 1/√C"),
    Mutant("attention-transposed", BLOCKS, "v @ weights.transpose(1, 2)", "v @ weights", "sums over queries"),
    Mutant("skip-half", BLOCKS, "_HALF = math.sqrt(0.5)", "_HALF = 0.5", "½ for 1/√2"),
    Mutant("waves-swapped", BLOCKS, "[phase.sin(), phase.cos()]", "[phase.cos(), phase.sin()]", "sin and cos"),
    Mutant("waves-without-pi", BLOCKS, "* 2 * math.pi", "* 2", "2π became 2"),
    Mutant("waves-spacing", BLOCKS, "(half - 1)))", "half))", "the last frequency is not 1e-4"),
    Mutant("fir-gain", RESAMPLING, "4 * self._kernels(x)", "self._kernels(x)", "enlarging loses a factor of 4"),
    Mutant("unet-forgets-sigma", UNET, "align(sigma, h) if", "1 if", "the output is not divided by sigma"),
    Mutant("unet-one-image", STAGES, "self.resample.enlarge(image) + self.head(h)", "self.head(h)", "the last only"),
    Mutant(
        "published-rows", CONVERT, '("gamma", "alpha", "beta")])', '("alpha", "gamma", "beta")])', "γ and α swapped"
    ),
    Mutant("published-order", CONVERT, '("1", "2", "31", "3", "4", "5")', '("1", "2", "3", "31", "4", "5")', "order"),
)
