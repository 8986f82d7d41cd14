"""Arguments of the metrics that are refused, and orders that would overflow."""

import numpy as np
import pytest

import scorekit as sk

A = np.random.default_rng(0).normal(size=(20, 3))


@pytest.mark.parametrize("distance", [sk.metrics.wasserstein, sk.metrics.sliced_wasserstein])
def test_a_high_order_does_not_overflow(distance):
    a = 1e8 * A
    assert np.isfinite(distance(a, a + 1e9, order=400))
    for order in (10**400, 1e30, "2", None, True):
        with pytest.raises(sk.ScorekitError, match="order must be"):
            distance(a, a, order=order)


def test_a_report_names_what_the_distribution_lacks():
    with pytest.raises(sk.InvalidTypeError, match="without score, smoothed"):
        sk.metrics.score_error_report(lambda x: -x, None, (1.0, 0.5))


@pytest.mark.parametrize("regions", [None, 0.5, "ab", [[1], [2]]])
def test_regions_that_are_refused(regions):
    gaussian = sk.distributions.Gaussian([0.0], 1.0)
    with pytest.raises(sk.InvalidTypeError, match="regions are"):
        sk.metrics.score_error_report(lambda x: -x, gaussian, (1.0, 0.5), regions=regions)
