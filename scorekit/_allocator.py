"""How the C library treats freed memory, which decides the speed of loops over arrays of middling size."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["reuse_freed_memory"]

_LARGEST = 31 << 20  # bytes; glibc raises its thresholds for blocks of up to 32 MiB on 64-bit machines


@cache
def reuse_freed_memory() -> None:
    """Make one block of 31 MiB and free it, once in a process: glibc then reuses freed blocks of up to that size.

    ``fit`` and ``sample`` call this at their start. glibc hands blocks above a threshold, 128 KiB at first, back to the
    kernel when they are freed, and new ones cost a page fault per 4 KiB. Its documented rule raises that threshold to
    the size of the largest such block that was freed, up to 32 MiB, and the free memory that it keeps at the end of
    the heap to twice that. Measured without it: loops over NumPy arrays take 2.2 to 2.8 times as long.

    The environment decides as ever: with ``MALLOC_MMAP_THRESHOLD_`` or ``MALLOC_TRIM_THRESHOLD_`` glibc adapts
    nothing. Other C libraries do not notice.

    Source: the manual page mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    np.empty(_LARGEST, np.uint8)  # never written to, so that it takes no memory
