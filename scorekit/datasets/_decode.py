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
    """The processing of each image: ``channels``, then the center ``crop`` (h, w), then scaling to ``size`` (h, w).

    ``background`` is the color, (red, green, blue) from 0 to 255, under transparent pixels.
    """

    crop: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    background: tuple[int, int, int] | None = None


class Picture(NamedTuple):
    """Pixels ``(c, h, w)``, and the number of levels, the values that a pixel can have.

    8 bits are uint8, 16 bits uint16, and resized 16 bits float32 in [0, 1] with levels None.
    """

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
        raise DatasetError(f"it has {frames} frames or pages: expected one image; save each as a file of its own")
    wide = _is_wide(image)
    image = ImageOps.exif_transpose(image)
    resized = fit.size is not None
    image = _as_wide(image, resized) if wide else _as_eight_bits(image, fit)
    if fit.crop is not None:
        image = _cropped(image, *fit.crop)
    if fit.size is not None and (image.height, image.width) != fit.size:
        image = ImageOps.fit(image, fit.size[::-1], method=2)  # bilinear with antialiasing
    values = np.asarray(image)
    channels_first = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    if not wide:
        return Picture(channels_first, 256)
    copies = fit.channels or 1
    if copies == 4:
        raise DatasetError("it has 16 bits per pixel and no alpha channel: expected channels=1 or 3")
    return Picture(np.repeat(channels_first, copies, axis=0), None if resized else 65536)


def _as_eight_bits(image: Any, fit: Fit) -> Any:
    """The image with the asked channels; None keeps those of the file. Opaque alpha channels are dropped."""
    if image.has_transparency_data:
        if fit.channels == 4:
            return image.convert("RGBA")
        image = _flattened(image, fit.background)
    if image.mode not in _OPAQUE:
        raise DatasetError(f"it has the mode {image.mode}: expected 8 bits, or 16 bits of gray")
    return image.convert(_OPAQUE[image.mode] if fit.channels is None else _MODES[fit.channels])


def _flattened(image: Any, background: tuple[int, int, int] | None) -> Any:
    """The image without its alpha channel: over the background where it is transparent, gray if all of it is."""
    Image, _ = need_pillow()
    gray = image.mode in ("1", "L", "LA")
    values = np.asarray(image.convert("RGBA")).astype(np.int64)
    color, alpha = values[..., :3], values[..., 3:]
    if alpha.min() < 255:
        if background is None:
            raise DatasetError(
                "it has transparent pixels: pass background='white', or another color, to put it on that color, or "
                "channels=4 to keep the alpha channel"
            )
        color = (alpha * color + (255 - alpha) * np.array(background) + 127) // 255
        gray = gray and len(set(background)) == 1
    return Image.fromarray((color[..., 0] if gray else color).astype(np.uint8))


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


def _as_wide(image: Any, as_float: bool) -> Any:
    """16-bit gray; as Pillow's float mode in [0, 1] if it will be resized."""
    Image, _ = need_pillow()
    if image.has_transparency_data:
        raise DatasetError("it has 16 bits per pixel and a transparent gray: convert it to 8 bits first")
    values = np.asarray(image).astype(np.uint16)
    return Image.fromarray(values.astype(np.float32) / np.float32(65535) if as_float else values)


def _cropped(image: Any, height: int, width: int) -> Any:
    if image.height < height or image.width < width:
        raise DatasetError(f"it is {image.height}×{image.width}, smaller than the crop of {height}×{width}")
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.crop((left, top, left + width, top + height))
