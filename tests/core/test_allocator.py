"""What the C library does with freed memory, before and after ``fit`` and ``sample``."""

import os
import platform
import subprocess
import sys

import pytest

# 48 MiB in blocks of 2: twelve times what glibc keeps once one of those was freed, less than after one of 31 MiB
ROUNDS = """
import resource
import numpy as np
import scorekit as sk, scorekit_numpy
{what}

def a_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(1 << 18) for _ in range(24)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([a_round() for _ in range(4)][-1])
"""
SAMPLE = "sk.samplers.Langevin(0.1, 1).sample(lambda x: -x, np.ones((3, 2)), rng=0)"
FIT = """
net = scorekit_numpy.MLP(2, hidden=(4,), conditional=False)
sk.fit(net, sk.objectives.SlicedScoreMatching(), np.ones((8, 2)), steps=1, progress=False)
"""
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has the rule")


def faults(what, **environment):
    """Page faults of a round of allocations like those before it, of 12,288 pages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    code = ROUNDS.format(what=what)
    return int(subprocess.check_output([sys.executable, "-c", code], env=kept | environment, text=True))


@pytest.mark.parametrize("what", [FIT, SAMPLE], ids=["fit", "sample"])
def test_freed_blocks_are_used_again(what):
    assert faults(what) < 1000


def test_importing_decides_nothing():
    assert faults("") > 8000


@pytest.mark.parametrize("name", ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_the_environment_is_obeyed(name):
    assert faults(SAMPLE, **{name: "65536"}) > 8000
