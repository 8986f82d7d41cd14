"""No window is opened, no figure is left behind, and no global setting is changed."""

from __future__ import annotations

import matplotlib
import pytest

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _clean():
    from matplotlib import pyplot as plt

    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure(figsize=(4, 4), layout="constrained").subplots()


@pytest.fixture
def mixture():
    import scorekit as sk

    return sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
