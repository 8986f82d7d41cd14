"""Seeded bugs of the data sets."""

from __future__ import annotations

from .base import seeded

__all__ = ["DATA"]

TRANSFORMS = "scorekit/datasets/_transforms.py"
IDX = "scorekit/datasets/_idx.py"
CIFAR = "scorekit/datasets/_cifar10.py"
DECODE = "scorekit/datasets/_decode.py"
FOLDER = "scorekit/datasets/_image_folder.py"
SHAPES = "scorekit/_shapes.py"
DRAWN = "scorekit/datasets/_shapes.py"
SHAPES_IMAGES = "scorekit/distributions/shapes_images.py"

DATA = (
    *seeded(
        TRANSFORMS,
        "dequantized",
        ("dequantize-levels", "count - 1", "count", "L for L − 1"),
        (
            "dequantize-bins",
            "((count - 1) * images + noise) / count",
            "((count - 1) * images + noise) / (count - 1)",
            "bins of another width",
        ),
        ("dequantize-variance", 'check_positive(std, "std")', "std ** 2", "std²"),
        ("dequantize-one", "1 - float(xp.finfo(images.dtype).eps) / 2", "1", "white rounds up to 1"),
    ),
    *seeded(
        TRANSFORMS,
        "mirrored",
        ("flip-upside-down", "xp.flip(images, axis=-1)", "xp.flip(images, axis=-2)", "the other axis"),
    ),
    *seeded(
        TRANSFORMS,
        "flip",
        (
            "flip-one-coin",
            'as_rng(rng, images, "flip").uniform((images.shape[0],), like=images)',
            'as_rng(rng, images, "flip").uniform((1,), like=images) + 0 * images[:, 0, 0]',
            "one coin for the whole batch",
        ),
    ),
    *seeded(
        IDX,
        "_shape",
        ("idx-byte-order", "f'>{axes}I'", "f'<{axes}I'", "little-endian lengths"),
    ),
    *seeded(
        CIFAR,
        "read_file",
        (
            "cifar-channels-last",
            "values.reshape(-1, *EVENT)",
            "values.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)",
            "red, green and blue of a pixel taken to be neighbors",
        ),
    ),
    *seeded(
        "scorekit/datasets/_cifar100.py",
        "cifar100",
        ("cifar100-coarse-for-fine", "tuple(_CLASSES).index(labels)", "0", "the other column of labels"),
    ),
    *seeded(
        DECODE,
        "_as_wide",
        ("sixteen-bits", "np.float32(65535)", "np.float32(65536)", "white is not 1"),
    ),
    *seeded(
        DECODE,
        "_flattened",
        ("background-under-opaque", "(255 - alpha) * np.array(background)", "alpha * np.array(background)", "1 − α"),
        (
            "alpha-rounded-down",
            "alpha * color + (255 - alpha) * np.array(background) + 127",
            "alpha * color + (255 - alpha) * np.array(background)",
            "rounded down, not to the nearest",
        ),
    ),
    *seeded(
        "scorekit/datasets/_pixels.py",
        "floats",
        ("white-is-not-one", "(levels or 256) - 1", "levels or 256", "L for L − 1"),
        ("rows-of-a-block", "rows[part]", "rows[:step]", "each block has the images of the first"),
    ),
    *seeded(
        "scorekit/datasets/_batches.py",
        "ImageBatches.take",
        ("rows-of-another-split", "rows if data.rows is None else data.rows[rows]", "rows", "those of the whole data"),
    ),
    *seeded(
        "scorekit/datasets/_mnist.py",
        "emnist",
        ("emnist-transposed", "images.swapaxes(2, 3)", "images", "as in the files"),
    ),
    *seeded(
        "scorekit/datasets/_mnist.py",
        "_read",
        ("emnist-letters-from-one", "labels.astype(np.int64) - first", "labels.astype(np.int64)", "B for A"),
    ),
    *seeded(
        "scorekit/datasets/_labels.py",
        "spread",
        (
            "limit-without-proportions",
            "limit * counts / n",
            "limit * counts / counts.sum() * (counts == counts.max())",
            "rare classes are left out",
        ),
    ),
    *seeded(
        TRANSFORMS,
        "_widened",
        ("pad-on-one-side", "(most - side) // 2", "0", "all padding after the image"),
    ),
    *seeded(
        TRANSFORMS,
        "unpadded",
        ("crop-of-the-corner", "(whole - side) // 2", "0", "the corner, not the middle"),
    ),
    *seeded(
        DECODE,
        "_cropped",
        ("crop-from-the-side", "(image.width - width) // 2", "0", "the left, not the middle"),
    ),
    *seeded(
        DECODE,
        "to_array",
        ("not-upright", "ImageOps.exif_transpose(image)", "image.copy()", "EXIF is ignored"),
    ),
    *seeded(
        FOLDER,
        "image_folder",
        (
            "labels-of-the-skipped",
            "[chosen[i] for i in found.kept]",
            "chosen[:len(found.kept)]",
            "labels move by one after each image that was skipped",
        ),
    ),
    *seeded(
        SHAPES,
        "coverage",
        ("coverage-shifted", "np.float32(0.5) - distance", "np.float32(1.0) - distance", "half a pixel"),
        (
            "pixel-corners",
            "np.arange(size, dtype=np.float32) + np.float32(0.5)",
            "np.arange(size, dtype=np.float32) + np.float32(0.0)",
            "a pixel's corner for its center",
        ),
    ),
    *seeded(
        SHAPES,
        "_triangle",
        ("triangle-slant", "y / 2", "y", "sides of another slant"),
    ),
    *seeded(
        SHAPES,
        "_rings",
        (
            "rings-width",
            "np.abs(distance - 0.85 * radius) - 0.15 * radius",
            "np.abs(distance - 0.85 * radius) - 0.1 * radius",
            "a thin ring",
        ),
    ),
    *seeded(
        DRAWN,
        "_counts",
        ("shares-smallest-remainder", "counts - exact", "exact - counts", "a sign"),
    ),
    *seeded(
        DRAWN,
        "classify_shapes",
        ("classifier-certainty", "-numbers / 2", "-numbers", "the likelihood squared"),
    ),
    *seeded(
        DRAWN,
        "_explained",
        (
            "classifier-inverted-shapes",
            "np.maximum(0, rows.reshape(-1, rows.shape[2]) @ templates.T)",
            "np.abs(rows.reshape(-1, rows.shape[2]) @ templates.T)",
            "dark shapes on bright count",
        ),
    ),
    *seeded(
        SHAPES_IMAGES,
        "ShapesImages.__post_init__",
        (
            "templates-of-unequal-kinds",
            "weights / counts",
            "weights / weights[labels].sum()",
            "a kind with more templates gets more than its proportion",
        ),
    ),
)
