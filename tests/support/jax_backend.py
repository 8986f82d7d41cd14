"""JAX arrays, for the tests: just enough of a backend to run the library's mathematics inside ``jax.jit``.

It is no product: there is no learner. Streams keep a functional key inside, so that one made under ``jit`` is traced.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import jax
import jax.numpy as jnp
import numpy as np

import scorekit as sk
from scorekit import registry

__all__ = ["JaxBackend", "JaxRng", "registered"]

jax.config.update("jax_enable_x64", True)


class JaxRng:
    """A stream over ``jax.random`` keys."""

    def __init__(self, key):
        self._key = key

    def _next(self):
        self._key, key = jax.random.split(self._key)
        return key

    def normal(self, shape, like=None):
        return jax.random.normal(self._next(), shape, _dtype(like))

    def uniform(self, shape, like=None):
        return jax.random.uniform(self._next(), shape, _dtype(like))

    def rademacher(self, shape, like=None):
        return jax.random.rademacher(self._next(), shape, _dtype(like))

    def integers(self, low, high, shape):
        return jax.random.randint(self._next(), shape, low, high, jnp.int64)

    def choice(self, n, shape, p=None, replace=True):
        return jax.random.choice(self._next(), n, shape, replace, None if p is None else jnp.asarray(p))

    def state(self):
        return {"key": jax.random.key_data(self._key).tolist()}

    def restore(self, state):
        self._key = jax.random.wrap_key_data(jnp.asarray(state["key"], jnp.uint32))

    def spawn(self, n):
        return [JaxRng(key) for key in jax.random.split(self._next(), n)]


def _dtype(like):
    return jnp.float64 if like is None else like.dtype


class JaxBackend:
    """The seam on JAX."""

    name, xp = "jax", jnp

    def __init__(self, device=None, dtype=None):
        self._dtype = dtype

    def owns(self, x):
        return isinstance(x, jax.Array)

    def asarray(self, x, like=None):
        return jnp.asarray(x, self._dtype if like is None else like.dtype)

    def to_numpy(self, x):
        return np.asarray(jax.lax.stop_gradient(x))

    def readable(self, x):
        return not isinstance(x, jax.core.Tracer)

    def rng(self, seed=None):
        words = np.random.SeedSequence(seed).generate_state(2)
        return JaxRng(jax.random.wrap_key_data(jnp.asarray(words, jnp.uint32)))

    def vjp(self, f, x, v):
        y, pull_back = jax.vjp(f, x)
        return y, pull_back(v)[0]

    def grad(self, f, x):
        y, pull_back = jax.vjp(f, x)
        return y, pull_back(jnp.ones_like(y))[0]

    def divergence(self, f, x, probes=None):
        y, push = jax.linearize(f, x)
        if probes is not None:
            return y, jnp.mean(jnp.stack([_dot(v, push(v)) for v in probes]), axis=0)
        units = np.eye(x[0].size, dtype=x.dtype).reshape(-1, 1, *x.shape[1:])
        return y, sum(_dot(unit, push(jnp.broadcast_to(unit, x.shape))) for unit in units)

    def no_grad(self):
        return nullcontext()

    def learner(self, model, objective, **options):
        raise sk.errors.InvalidTypeError("the jax backend of the tests does not train: use the numpy backend.")


def _dot(a, b):
    return jnp.sum(jnp.reshape(a * b, (b.shape[0], -1)), axis=1)


_TABLES = ("_table", "_defaults", "_owner_of_type")


@contextmanager
def registered():
    """The backend is known inside, and not to other tests of the process."""
    kept = {name: getattr(registry, name) for name in _TABLES}
    for name in _TABLES:
        setattr(registry, name, dict(kept[name]))
    registry.register("jax", JaxBackend, array_modules=("jax", "jaxlib"))
    try:
        yield
    finally:
        for name in _TABLES:
            setattr(registry, name, kept[name])
