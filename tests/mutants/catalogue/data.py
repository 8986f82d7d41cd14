"""Seeded bugs of the data sets."""

from __future__ import annotations

from .base import Mutant

__all__ = ["DATA"]

TRANSFORMS = "scorekit/datasets/transforms.py"
DRAWN = "scorekit/datasets/drawn.py"
DECODE = "scorekit/datasets/_decode.py"
SHAPES = "scorekit/_shapes.py"

DATA = (
    Mutant("dequantise-levels", TRANSFORMS, "(count - 1) * images", "count * images", "L for L − 1"),
    Mutant("dequantise-bins", TRANSFORMS, "images)) / count", "images)) / (count - 1)", "bins of another width"),
    Mutant("dequantise-variance", TRANSFORMS, 'images + check_positive(std, "std")', "images + std**2", "std²"),
    Mutant("dequantise-one", TRANSFORMS, "eps) / 2)", "eps) / 2 + 1)", "white rounds up to 1"),
    Mutant("flip-upside-down", TRANSFORMS, "xp.flip(images, axis=-1)", "xp.flip(images, axis=-2)", "the other axis"),
    Mutant(
        "flip-one-coin", TRANSFORMS, "uniform(each.shape, like=each)", "uniform((1,))", "one coin for the whole batch"
    ),
    Mutant("idx-byte-order", "scorekit/datasets/_idx.py", 'f">{axes}I"', 'f"<{axes}I"', "little-endian lengths"),
    Mutant(
        "cifar-channels-last",
        "scorekit/datasets/cifar.py",
        "pixels(values).reshape(-1, *_EVENT)",
        "pixels(values).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)",
        "red, green and blue of a pixel taken to be neighbours",
    ),
    Mutant("sixteen-bits", DECODE, "np.float32(65535)", "np.float32(65536)", "white is not 1"),
    Mutant("crop-from-the-side", DECODE, "(image.width - width) // 2", "0", "the left, not the middle"),
    Mutant("not-upright", DECODE, "image = ImageOps.exif_transpose(image)", "image = image.copy()", "EXIF is ignored"),
    Mutant(
        "labels-of-the-skipped",
        "scorekit/datasets/folder.py",
        "[chosen[i] for i in found.kept]",
        "chosen[: len(found.kept)]",
        "labels move by one after each image that was skipped",
    ),
    Mutant("coverage-shifted", SHAPES, "np.float32(0.5) - distance", "np.float32(1.0) - distance", "half a pixel"),
    Mutant("pixel-corners", SHAPES, "+ np.float32(0.5)", "+ np.float32(0.0)", "a pixel's corner for its centre"),
    Mutant("triangle-slant", SHAPES, "-slope * x) - y / 2", "-slope * x) - y", "sides of another slant"),
    Mutant(
        "rings-width",
        SHAPES,
        "outer = np.abs(distance - 0.85 * radius) - 0.15",
        "outer = np.abs(distance - 0.85 * radius) - 0.1",
        "a thin ring",
    ),
    Mutant("shares-smallest-remainder", DRAWN, "np.argsort(counts - exact", "np.argsort(exact - counts", "a sign"),
    Mutant("classifier-certainty", DRAWN, "** (-numbers / 2)", "** (-numbers)", "the likelihood squared"),
    Mutant("classifier-inverted-shapes", DRAWN, "np.maximum(0, rows.", "np.abs(rows.", "dark shapes on bright count"),
    Mutant(
        "templates-of-unequal-kinds",
        "scorekit/distributions/shapes_images.py",
        "np.log((weights / counts)[labels[present]])",
        "np.log((weights / weights[labels].sum())[labels[present]])",
        "a kind with more templates gets more than its share",
    ),
)
