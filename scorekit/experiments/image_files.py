"""Samples as image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scorekit.datasets._decode import need_pillow
from scorekit.errors import InvalidValueError
from scorekit.storage.files import own_folder, remove

__all__ = ["write_images"]

_CHANNELS = (1, 3, 4)


def write_images(folder: Path, images: Any, first: int) -> None:
    """Write images ``(n, c, h, w)`` in [0, 1] as PNG files of 8 bits, numbered from ``first``; existing files stay.

    Each file is written to a temporary name and renamed, so a file is complete or absent. A link at the name of a file
    is replaced, and a folder that is a link raises an error, so nothing outside ``folder`` is written.

    Raises:
        InvalidValueError: the images have 2 channels, which PNG viewers would show as gray and alpha.
        CheckpointError: ``folder`` is a link.
        OSError: the operating system does not allow the write.
        MissingBackendError: Pillow is not installed.
    """
    Image, _ = need_pillow()
    channels = images.shape[1]
    if channels not in _CHANNELS:
        raise InvalidValueError(f"the images have {channels} channels: expected 1, 3 or 4 for PNG files. Omit --png.")
    own_folder(folder.parent, folder.name)
    for number, image in enumerate(images, first):
        file = folder / f"{number:06d}.png"
        if file.is_file() and not file.is_symlink() and file.stat().st_size:
            continue
        pixels = np.rint(255 * np.clip(np.moveaxis(image, 0, 2), 0, 1)).astype(np.uint8)
        new = file.with_name(f"{file.name}.partial")
        remove(new)
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(new, "PNG")
        new.replace(file)  # not flushed to disk, which takes 10 ms for each file: the blocks have the same images
