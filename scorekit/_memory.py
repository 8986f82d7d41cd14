"""The memory that is free, where the system says so."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["free_bytes", "readable_size"]


def free_bytes() -> int | None:
    """The memory that this process can still get, with swap; None if the system does not say.

    On Linux it is ``MemAvailable`` and ``SwapFree``, or less in a control group with a limit. On other systems with
    ``os.sysconf`` it is the installed memory.

    >>> found = free_bytes()
    >>> found is None or found > 0
    True
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return _installed()
    known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
    if "MemAvailable" not in known:
        return _installed()
    free = known["MemAvailable"] + known.get("SwapFree", 0)
    limit = _of_control_group()
    return free if limit is None else min(free, limit)


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _of_control_group() -> int | None:
    """The rest of the limit of a container; files that the kernel keeps in memory count as free."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (group / "memory.max").read_text().strip(), int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):  # no limit ("max"), or no control groups of version 2
        return None


def readable_size(count: float) -> str:
    """A number of bytes for messages.

    >>> readable_size(3.2e9), readable_size(5e6), readable_size(62.7e12)
    ('3.2 GB', '5 MB', '62.7 TB')
    """
    unit, name = (1e12, "TB") if count >= 1e12 else (1e9, "GB") if count >= 1e9 else (1e6, "MB")
    return f"{count / unit:.3g} {name}"
