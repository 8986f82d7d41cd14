"""The Bessel function of rings, on both sides of the place where its series change."""

from __future__ import annotations

import numpy as np
from scipy import special

from scorekit.distributions._bessel import CROSSOVER, log_far, log_near, slope_far, slope_near


def test_the_series_in_the_square_has_all_digits_up_to_the_crossover():
    t = np.append(np.geomspace(1e-8, 1.0, 100), np.linspace(1.0, CROSSOVER, 200))
    z = np.sqrt(t)
    np.testing.assert_allclose(log_near(t), z + np.log(special.i0e(z)), rtol=0, atol=2e-15)
    np.testing.assert_allclose(slope_near(t), special.i1e(z) / special.i0e(z) / z, rtol=5e-15)
    zero = np.zeros(1)
    assert (log_near(zero)[0], slope_near(zero)[0]) == (0.0, 0.5)  # I₀(z) = 1 + z²/4 + …, I₁(z) = z/2 + …


def test_the_series_in_the_inverse_has_all_digits_from_the_crossover():
    z = np.append(np.linspace(np.sqrt(CROSSOVER), 20, 200), np.geomspace(20, 1e8, 100))
    np.testing.assert_allclose(log_far(z), np.log(special.i0e(z)), rtol=2e-15)
    near, far = z[z < 1e3], z[z > 1e3]
    expected = near * (1 - special.i1e(near) / special.i0e(near))  # cancels for large z
    np.testing.assert_allclose(slope_far(near), expected, rtol=0, atol=5e-13)
    np.testing.assert_allclose(slope_far(far), 0.5 + 1 / (8 * far) + 1 / (8 * far**2), rtol=1e-9)
