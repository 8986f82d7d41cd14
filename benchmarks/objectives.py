"""Every objective by backend, dtype, dimension and batch: its value, and its value with the gradient in all weights.

The network is the backend's 3 x 128 perceptron, on one thread.
"""

from __future__ import annotations

from benchmarks import cases


class Objective:
    """asv: seconds of a loss."""

    params = (list(cases.OBJECTIVES), list(cases.BACKENDS), list(cases.DTYPES), [128, 1024], [2, 10, 50, 100, 784])
    param_names = ("objective", "backend", "dtype", "batch", "d")
    rounds, repeat, warmup_time, sample_time = 1, (3, 10, 0.2), 0.05, 0.01

    def setup(self, objective, backend, dtype, batch, d):
        if batch > 128 and (dtype == "float64" or (objective == "ISM, exact" and d > 10)):
            raise NotImplementedError("float64 at one batch alone; the exact trace of large ones takes seconds")
        self.x = cases.data(backend, dtype, batch, d)
        self.net = cases.network(backend, dtype, d, conditional=objective == "NCSN")
        self.objective = cases.OBJECTIVES[objective]
        self.gradient = cases.value_and_gradient(backend, self.objective, self.net, self.x)

    def time_value(self, *parameters):
        self.objective(self.net, self.x, rng=0)

    def time_value_and_gradient(self, *parameters):
        self.gradient()
