"""Decode an image file with Pillow. Modes that cannot be converted without loss raise an error."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from scorekit._optional import optional
from scorekit.errors import DatasetError

__all__ = ["ENDINGS", "Fit", "Picture", "decode", "need_pillow", "reading", "to_array"]

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that Pillow reads itself; for some others, such as EPS, it starts external programs."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_OPAQUE = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}


class Fit(NamedTuple):
    """The processing of each image: ``channels``, then the center ``crop`` (h, w), then scaling to ``size`` (h, w)."""

    crop: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None


class Picture(NamedTuple):
    """Pixels ``(c, h, w)`` as float32 in [0, 1], and the number of levels, the values that a pixel can have."""

    pixels: Any
    levels: int | None


def need_pillow() -> Any:
    """Pillow's ``Image`` and ``ImageOps``; without Pillow the error gives the command that installs it."""
    image, operations = (optional(f"PIL.{name}", "reading image files", "pillow") for name in ("Image", "ImageOps"))
    return image, operations


def decode(content: bytes, fit: Fit) -> Picture:
    """The upright image in ``content``. A ``DatasetError`` gives the reason without the file name; callers add it."""
    Image, _ = need_pillow()
    with reading(), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        return to_array(image, fit)


@contextmanager
def reading() -> Iterator[None]:
    """Turn Pillow's errors about damaged files and decompression bombs into ``DatasetError``; hide its warnings."""
    Image, _ = need_pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that can be read anyway
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (DatasetError, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"it declares more than {Image.MAX_IMAGE_PIXELS:,} pixels, which looks like a decompression bomb; "
            "if you trust it, increase PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except Exception as error:  # Pillow's readers raise many exception types for damaged files
        reason = str(error).partition(" <_io")[0]
        raise DatasetError(f"it is damaged or not an image ({reason or type(error).__name__})") from error


def to_array(image: Any, fit: Fit) -> Picture:
    """A Pillow image, converted, cropped and resized as ``fit`` says."""
    _, ImageOps = need_pillow()
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in ("JPEG", "MPO"):  # the second frame of a camera's MPO file is a preview
        raise DatasetError(f"it has {frames} frames: expected one image")
    wide = _is_wide(image)
    image = ImageOps.exif_transpose(image)
    image = _as_float(image) if wide else image.convert(_mode(image, fit.channels))
    if fit.crop is not None:
        image = _cropped(image, *fit.crop)
    if fit.size is not None and (image.height, image.width) != fit.size:
        image = ImageOps.fit(image, fit.size[::-1], method=2)  # bilinear with antialiasing
    values = np.asarray(image)
    channels_first = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    if not wide:
        return Picture(np.divide(channels_first, 255, dtype=np.float32), 256)
    copies = fit.channels or 1
    if copies == 4:
        raise DatasetError("it has 16 bits per pixel and no alpha channel: expected channels=1 or 3")
    levels = 65536 if fit.size is None else None
    return Picture(np.repeat(channels_first, copies, axis=0), levels)


def _mode(image: Any, channels: int | None) -> str:
    """The 8-bit mode that the image is converted to."""
    if image.has_transparency_data:
        if channels != 4:
            raise DatasetError("it has an alpha channel: pass channels=4 to keep it, or flatten it first")
        return "RGBA"
    if image.mode not in _OPAQUE:
        raise DatasetError(f"it has the mode {image.mode}: expected 8 bits, or 16 bits of gray")
    return _OPAQUE[image.mode] if channels is None else _MODES[channels]


def _is_wide(image: Any) -> bool:
    """Whether this is 16-bit gray. 16-bit color raises an error, because Pillow would drop half of the bits."""
    stored = [word for tile in getattr(image, "tile", ()) for word in _words(tile[3])]
    if image.mode.startswith("I;16") and "I;12" not in stored:
        return True
    if image.mode == "I" and (image.format == "PPM" or any(_GRAY_16.fullmatch(str(word)) for word in stored)):
        return True
    many = [word for word in stored if image.format == "PPM" and isinstance(word, int) and word > 255]
    if many or any(_COLOR_16.search(str(word)) for word in stored):
        raise DatasetError("it has 16 bits per color channel, and Pillow reads only 8: convert it to 8 bits first")
    return False


_GRAY_16, _COLOR_16 = re.compile("I;16[BLN]?"), re.compile(";16[BLN]$")


def _words(arguments: Any) -> tuple[Any, ...]:
    """The arguments of Pillow's decoder as a tuple; one of them can be the pixel format."""
    return arguments if isinstance(arguments, tuple) else (arguments,)


def _as_float(image: Any) -> Any:
    """16-bit gray as Pillow's float mode, in [0, 1]."""
    Image, _ = need_pillow()
    return Image.fromarray(np.asarray(image).astype(np.float32) / np.float32(65535))


def _cropped(image: Any, height: int, width: int) -> Any:
    if image.height < height or image.width < width:
        raise DatasetError(f"it is {image.height}×{image.width}, smaller than the crop of {height}×{width}")
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.crop((left, top, left + width, top + height))
