"""Image files in the formats that are published, written byte by byte and not by the code that reads them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["idx", "png", "python2_batch", "rgb", "write_idx_pair"]


def idx(values: Any, kind: int = 0x08) -> bytes:
    """An IDX file of an array."""
    values = np.asarray(values)
    return bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_idx_pair(folder: Path, images: bytes, labels: bytes, prefix: str = "train", end: str = "") -> None:
    """The two files of one split."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{prefix}-images-idx3-ubyte{end}").write_bytes(images)
    (folder / f"{prefix}-labels-idx1-ubyte{end}").write_bytes(labels)


def python2_batch(pixels: bytes, n: int, labels: list[int]) -> bytes:
    """A batch of CIFAR-10 as cPickle of Python 2 wrote it, protocol 2, one opcode after the other."""
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
    dtype = b"cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"M" + struct.pack("<H", n) + b"M" + struct.pack("<H", 3072) + b"\x86"
    state = b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(pixels)) + pixels + b"tb"
    written = b"".join(b"K" + bytes([label]) for label in labels)
    names = b"(" + b"".join(b"U\x05a.png" for _ in labels) + b"e"
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels]q\x02("
        + written
        + b"eU\x04data"
        + array
        + state
        + b"U\tfilenames]q\x08"
        + names
        + b"u."
    )


def png(values: Any, depth: int, color: int, *, palette: bytes = b"", transparency: bytes = b"") -> bytes:
    """A PNG of rows of bytes ``(h, bytes)``: bit depth and color type as in its header."""
    rows = np.asarray(values, np.uint8)
    width = rows.shape[1] * 8 // (depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color])
    header = struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"tRNS", transparency), (b"IDAT", content), (b"IEND", b"")]
    made = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        if data or name == b"IEND":
            made += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return made


def rgb(height: int, width: int, seed: int = 0, kind: str = "PNG", **options: Any) -> bytes:
    """A file of random colors."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
