"""What the arrows and the map hold is what the model and the error are."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import scorekit as sk
from scorekit import plot


def swirl(x, sigma=None):
    return np.stack([-x[:, 1], 2 * x[:, 0] ** 2 + 1], axis=1)


def centers(low, high, grid):
    steps = low + (high - low) * (np.arange(grid) + 0.5) / grid
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---------------------------------------------------------------- arrows


def test_the_arrows_are_the_field_on_the_grid(ax):
    plot.score_field(swirl, ax, limits=(-2.0, 3.0), grid=7)
    quiver = ax.collections[0]
    points, field = centers(-2, 3, 7), swirl(centers(-2, 3, 7))
    assert np.asarray(quiver.get_offsets()) == pytest.approx(points)
    assert np.asarray(quiver.get_array()) == pytest.approx(np.linalg.norm(field, axis=1))
    drawn = np.stack([quiver.U, quiver.V], axis=1)
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    assert drawn / lengths * np.asarray(quiver.get_array())[:, None] == pytest.approx(field)


def test_lengths_grow_with_the_field_and_stay_in_their_cells(ax):
    """A field over eight decades: the order of the lengths is kept, the longest is 0.95 of a cell, the median seen."""
    plot.score_field(lambda x: x * 10.0 ** (2 * x[:, :1]), ax, limits=(1.0, 3.0), grid=8)
    quiver = ax.collections[0]
    drawn = np.hypot(quiver.U, quiver.V)
    order = np.argsort(quiver.get_array())
    assert np.all(np.diff(drawn[order]) >= 0)
    assert drawn.max() == pytest.approx(0.95 * 2 / 8)
    assert np.median(drawn) > 0.05 * drawn.max()
    assert isinstance(quiver.norm, LogNorm)


def test_lengths_by_their_formula(ax):
    """log(1 + |s|/median) relative to the largest, times 0.95 of a cell."""
    plot.score_field(swirl, ax, limits=3.0, grid=6)
    quiver = ax.collections[0]
    size = np.linalg.norm(swirl(centers(-3, 3, 6)), axis=1)
    shown = np.log1p(size / np.median(size))
    assert np.hypot(quiver.U, quiver.V) == pytest.approx(0.95 * shown / shown.max())


def test_a_plane_has_equal_units_its_limits_and_names(ax):
    plot.score_field(swirl, ax, limits=((-1.0, 2.0), (0.0, 5.0)), grid=4)
    assert (ax.get_xlim(), ax.get_ylim(), ax.get_aspect()) == ((-1, 2), (0, 5), 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_the_color_bar_says_what_and_at_which_level(ax, sigma):
    seen = []

    def model(x, sigma):
        seen.append(sigma)
        return -x

    plot.score_field(model, ax, limits=1, sigma=sigma)
    assert seen == [sigma]
    label = ax.figure.axes[1].get_ylabel()
    assert label == ("|s(x)|" if sigma is None else "|s(x, σ = 0.5)|")


def test_no_color_bar_when_not_asked_for(ax):
    plot.score_field(swirl, ax, limits=1, colorbar=False)
    assert ax.figure.axes == [ax]


def test_like_decides_what_the_model_gets(ax):
    seen = []

    def model(x):
        seen.append(x.dtype)
        return -x

    plot.score_field(model, ax, limits=1, like=np.ones(1, np.float32))
    plot.score_field(model, ax, limits=1)
    assert seen == [np.float32, np.float64]


def test_a_zero_field_is_drawn_without_arrows(ax):
    plot.score_field(lambda x: 0 * x, ax, limits=1)
    assert np.all(ax.collections[0].U == 0)
    ax.figure.canvas.draw()


def test_density_is_drawn_as_regions_of_known_mass(ax):
    """N(0, I): the region with the mass q is the disc of radius √(−2 log(1 − q))."""
    normal = sk.distributions.Gaussian([0.0, 0.0], np.eye(2))
    plot.score_field(normal.score, ax, limits=5.0, density=normal)
    radii = [np.mean(np.hypot(*p.vertices.T)) for p in _outlines(ax)]
    assert sorted(radii) == pytest.approx(np.sqrt(-2 * np.log([0.5, 0.1, 0.01])), rel=0.01)
    assert texts(ax) == ["50, 90, 99 % of the mass"]


def test_density_is_smoothed_by_sigma_and_may_be_a_function(ax):
    normal = sk.distributions.Gaussian([0.0, 0.0], np.eye(2))
    plot.score_field(normal.score, ax, limits=10.0, density=normal, sigma=np.sqrt(3.0))
    smooth = max(np.mean(np.hypot(*p.vertices.T)) for p in _outlines(ax))
    assert smooth == pytest.approx(2 * np.sqrt(-2 * np.log(0.01)), rel=0.01)
    ax.clear()
    plot.score_field(normal.score, ax, limits=10.0, density=lambda x: -np.sum(x**2, axis=1) / 8, colorbar=False)
    assert max(np.mean(np.hypot(*p.vertices.T)) for p in _outlines(ax)) == pytest.approx(smooth, rel=1e-6)


def _outlines(ax):
    lines = next(c for c in ax.collections if type(c).__name__ == "QuadContourSet" and not c.filled)
    return lines.get_paths()


def test_a_density_with_empty_space(ax):
    board = sk.distributions.Checkerboard()
    plot.score_field(lambda x: -x, ax, limits=6.0, density=board)
    ax.figure.canvas.draw()


# ---------------------------------------------------------------- the map of the error


def test_the_map_is_the_error_at_the_centers(ax, mixture):
    plot.score_error(swirl, mixture, ax, limits=6.0, grid=9)
    x = centers(-6, 6, 9)
    expected = np.linalg.norm(swirl(x) - mixture.score(x), axis=1).reshape(9, 9)
    assert np.asarray(ax.collections[0].get_array()) == pytest.approx(expected)
    corners = np.asarray(ax.collections[0].get_coordinates())
    assert corners[0, 0] == pytest.approx([-6, -6])
    assert corners[-1, -1] == pytest.approx([6, 6])
    assert ax.collections[0].get_clim() == (0, pytest.approx(expected.max()))


def test_the_relative_map_at_a_level(ax, mixture):
    plot.score_error(lambda x, s: s * swirl(x), mixture, ax, limits=6.0, grid=8, sigma=2.0, relative=True, scale="log")
    x = centers(-6, 6, 8)
    exact = mixture.score(x, 2.0)
    expected = (np.linalg.norm(2 * swirl(x) - exact, axis=1) / np.linalg.norm(exact, axis=1)).reshape(8, 8)
    mesh = ax.collections[0]
    assert np.asarray(mesh.get_array()) == pytest.approx(expected)
    assert isinstance(mesh.norm, LogNorm)
    assert mesh.get_clim()[1] == pytest.approx(np.percentile(expected, 99))
    assert ax.figure.axes[1].get_ylabel() == "|s(x, σ = 2) − ∇log p| / |∇log p|"


def test_the_colors_can_be_shared_between_panels_and_survive_gray(ax, mixture):
    plot.score_error(swirl, mixture, ax, limits=6.0, grid=8, vmax=2.5, contours=False)
    mesh = ax.collections[0]
    assert mesh.get_clim() == (0, 2.5)
    colors = mesh.cmap(np.linspace(0, 1, 50))[:, :3]
    assert np.all(np.diff(colors @ [0.2126, 0.7152, 0.0722]) > 0)
    assert ax.get_legend() is None


def test_arrows_survive_gray_too(ax):
    plot.score_field(swirl, ax, limits=1)
    colors = ax.collections[0].cmap(np.linspace(0, 1, 50))[:, :3]
    brightness = colors @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(brightness) < 0)
    assert brightness.max() < 0.8  # to be seen on white


def test_an_exact_model_has_a_map_of_zeros(ax, mixture):
    plot.score_error(mixture.score, mixture, ax, limits=6.0, grid=8)
    assert np.all(ax.collections[0].get_array() == 0)
    ax.figure.canvas.draw()


# ---------------------------------------------------------------- where, and errors


@pytest.mark.parametrize("draw", [plot.score_field, lambda m, ax=None, **k: plot.score_error(m, _normal(), ax, **k)])
def test_the_axes_are_the_given_ones_or_new(ax, draw):
    assert draw(swirl, ax, limits=1) is ax
    new = draw(swirl, limits=1)
    assert new.figure is not ax.figure
    new.figure.canvas.draw()


def _normal():
    return sk.distributions.Gaussian([0.0, 0.0], np.eye(2))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"limits": (3.0, 1.0)}, ValueError, "limits are (3.0, 1.0): expected r"),
        ({"limits": -1.0}, ValueError, "ascending"),
        ({"limits": "8"}, ValueError, "limits are '8': expected r"),
        ({"limits": None}, ValueError, "expected r"),
        ({"limits": 1, "grid": 1}, ValueError, "grid must be at least 2"),
        ({"limits": 1, "sigma": 0.0}, ValueError, "sigma must be positive"),
        ({"limits": 1, "ax": "here"}, TypeError, "expected a matplotlib Axes"),
        ({"limits": 1, "density": 3.0}, TypeError, "log_prob"),
        ({"limits": 1, "density": lambda x: x}, sk.ShapeError, "one log-density per point"),
        ({"limits": 1, "density": lambda x: x[:, 0] - np.inf}, ValueError, "choose limits that contain the data"),
        ({"limits": 1, "density": sk.distributions.Gaussian([0.0] * 3, np.eye(3))}, sk.ShapeError, "dimension 3"),
    ],
)
def test_errors_of_the_field(options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        plot.score_field(swirl, **options)
    from matplotlib import pyplot as plt

    assert plt.get_fignums() == []  # what fails leaves no figure behind


@pytest.mark.parametrize(
    ("model", "target", "options", "kind", "message"),
    [
        (lambda x: x[:, :1], None, {}, sk.ShapeError, "model returned shape"),
        (lambda x: x * np.nan, None, {}, sk.NonFiniteError, "14400 of 14400 points"),
        (swirl, None, {"scale": "cubic"}, ValueError, "'linear', 'log'"),
        (swirl, None, {"vmax": 0.0}, ValueError, "vmax must be positive"),
        (swirl, swirl, {}, TypeError, "without score"),
        (swirl, sk.distributions.Gaussian([0.0] * 3, np.eye(3)), {}, sk.ShapeError, "dimension 3"),
    ],
)
def test_errors_of_the_map(model, target, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        plot.score_error(model, _normal() if target is None else target, limits=1, **options)


def test_an_array_of_axes_is_refused_with_a_hint():

    with pytest.raises(TypeError, match=r"axes\[0\]"):
        plot.score_field(swirl, Figure().subplots(1, 2), limits=1)


def test_two_fields_on_one_scale():
    """Twice the field on its own scale looks the same; on the other's scale it is longer, and darker."""
    alone, shared = Figure().subplots(), Figure().subplots()
    plot.score_field(lambda x: -2 * x, alone, limits=2.0, grid=6)
    plot.score_field(lambda x: -2 * x, shared, limits=2.0, grid=6, scale_by=lambda x: -x)
    base = plot.score_field(lambda x: -x, Figure().subplots(), limits=2.0, grid=6).collections[0]
    free, common = alone.collections[0], shared.collections[0]
    assert np.allclose(np.hypot(free.U, free.V), np.hypot(base.U, base.V))
    assert common.norm.vmax == base.norm.vmax
    assert np.all(np.hypot(common.U, common.V) >= np.hypot(base.U, base.V) - 1e-12)
    cell = 4.0 / 6
    assert np.max(np.hypot(common.U, common.V)) <= cell
