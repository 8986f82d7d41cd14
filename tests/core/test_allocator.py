"""What the C library does with freed memory once a backend is imported."""

import os
import platform
import subprocess
import sys

import pytest

# twice as large a heap as glibc keeps after one large block was freed, in blocks below the largest that it keeps
ROUNDS = """
import resource
import numpy as np
import {backend}

def a_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(1 << 19) for _ in range(32)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([a_round() for _ in range(4)][-1])
"""


def faults(backend, **environment):
    """Page faults of a round of allocations like those before it."""
    code = ROUNDS.format(backend=backend)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return int(subprocess.check_output([sys.executable, "-c", code], env=kept | environment, text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told")
@pytest.mark.parametrize("backend", ["scorekit_numpy.backend", "scorekit_torch.backend"])
def test_freed_blocks_are_used_again(backend):
    assert faults(backend) < 1000  # of 32,768 pages
    assert faults("math") > 10_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told")
def test_who_has_decided_already_is_heard():
    assert faults("scorekit_numpy.backend", MALLOC_TRIM_THRESHOLD_="65536") > 10_000
