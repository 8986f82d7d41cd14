"""How the C library treats freed memory, which decides the speed of loops over arrays of middling size."""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_blocks"]

_LARGEST = 31 << 20  # bytes; glibc learns nothing from larger blocks


def keep_freed_blocks() -> None:
    """Let glibc keep freed blocks of up to 31 MB, instead of handing them back to the kernel.

    It hands back a block that is larger than a threshold, which it learns from the largest block freed so far. Arrays
    of a sampler's or a trace's size then cost a page fault per 4 KiB at every step: measured, six times the arithmetic
    for a mixture's score on NumPy arrays, and a fifth of a step of implicit score matching with d = 100 on tensors.
    One large block freed, never touched, settles it. Other C libraries take no notice.
    """
    np.empty(_LARGEST, dtype=np.uint8)
