"""The fit of an exponent, on costs whose exponent is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

growth = pytest.importorskip("benchmarks.growth")


def test_a_power_law_is_found_exactly():
    sizes = [1, 10, 100, 1000]
    counted, slope, error = growth.fit(sizes, [3e-6 * n**1.5 for n in sizes])
    assert counted == [10, 100, 1000]
    assert slope == pytest.approx(1.5, abs=1e-12)
    assert error == pytest.approx(0, abs=1e-12)


def test_bookkeeping_is_left_out_and_flat_costs_keep_all_sizes():
    sizes = [2**k for k in range(12)]
    counted, slope, _ = growth.fit(sizes, [50 + n for n in sizes])
    assert counted == [512, 1024, 2048]
    everywhere = np.polyfit(np.log(sizes), np.log([50.0 + n for n in sizes]), 1)[0]
    assert abs(slope - 1) < 0.08 < abs(everywhere - 1)
    assert growth.fit(sizes, [7.0] * 12)[:2] == ([float(n) for n in sizes], pytest.approx(0, abs=1e-12))


def test_the_standard_error_is_that_of_least_squares():
    """For sizes 1, e, e² and logarithms 0, 1 + 2c, 2 the slope is 1, the residuals are c (-2/3, 4/3, -2/3)."""
    c = 0.05
    _, slope, error = growth.fit(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 1 + 2 * c, 2.0]))
    assert slope == pytest.approx(1)
    assert error == pytest.approx(np.sqrt(c**2 * (4 + 16 + 4) / 9 / 1 / 2))


def test_the_committed_curves_are_fits_of_their_own_points():
    for each in json.loads(growth.RESULT.read_text()):
        curve = growth.Curve(**each)
        counted, slope, error = growth.fit(curve.sizes, curve.costs)
        assert counted == curve.fitted, curve
        assert (curve.exponent, curve.standard_error) == pytest.approx((slope, error), abs=6e-4), curve


def test_the_plot_has_a_panel_an_axis_and_a_line_a_curve(tmp_path):
    curves = [growth.curve(study.__name__, "one", 1.0, [1, 2, 4], [1.0, 2.0, 4.0]) for study in growth.STUDIES]
    growth.draw(curves, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
