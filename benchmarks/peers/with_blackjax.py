"""blackjax: stochastic-gradient Langevin with the whole gradient, one jitted scan. Compiled before the clock starts."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.langevin import MEANS, STEP, VARIANCE
from benchmarks.peers.mixture import Way


def sampler(automatic: bool) -> Way:
    """With the gradient of a log-density that jax derives, or with the fast score written by hand."""
    import blackjax
    import jax
    import jax.numpy as jnp

    means = jnp.asarray(MEANS)

    def log_density(x):
        return jax.nn.logsumexp(-0.5 * jnp.sum((x - means) ** 2, axis=-1) / VARIANCE)

    def written(x):
        logits = (means @ x.T - 0.5 * jnp.sum(means**2, axis=1)[:, None]) / VARIANCE
        weights = jnp.exp(logits - logits.max(axis=0))
        return ((means.T @ weights / weights.sum(axis=0)).T - x) / VARIANCE

    score = jax.vmap(jax.grad(log_density)) if automatic else written
    kernel = blackjax.sgld(lambda x, minibatch: score(x))

    @partial(jax.jit, static_argnums=1)
    def walk(x, steps, key):
        def step(x, key):
            return kernel.step(key, x, None, STEP / 2), None

        return jax.lax.scan(step, x, jax.random.split(key, steps))[0]

    return Way(lambda x, steps, seed: np.asarray(walk(jnp.asarray(x), steps, jax.random.key(seed))))
