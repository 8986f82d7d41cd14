"""The noise of a batch, drawn once for the whole batch, and the rows of its parts.

A batch may be split between processes, or passed through a network in parts to save memory. This does not change the
result, because each sample has the same noise as in the whole batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace, backend_of

__all__ = ["Seeds", "check_noise", "draw_for", "loss_of", "rows_of", "seeds"]


class Seeds(NamedTuple):
    """``values``: one seed per sample, int64 ``(n,)``; the noise of functions that draw random numbers themselves."""

    values: Array


def seeds(rng: Rng, n: int) -> Seeds:
    """Draw one seed for each of ``n`` samples, on the host.

    >>> import scorekit as sk
    >>> seeds(sk.rng(0), 3).values.shape
    (3,)
    """
    drawn = rng.integers(0, 2**62, (n,))
    return Seeds(backend_of(drawn).to_numpy(drawn))


def draw_for(objective: Any, x: Array, rng: Rng, total: int | None = None) -> Any:
    """Draw the noise of a batch of ``total`` samples like those of ``x``, by default as many as in ``x``.

    It is the result of ``objective.draw``. For an objective without ``draw``, a plain function ``(model, x, rng)``, it
    is one seed per sample: its noise is reproducible, but the noise of a part differs from that of the whole batch.

    >>> import numpy as np, scorekit as sk
    >>> objective = sk.objectives.DenoisingScoreMatching(0.1)
    >>> whole = draw_for(objective, np.ones((2, 3)), sk.rng(0), total=8)
    >>> rows_of(whole, 2, 4).z.shape
    (2, 3)
    """
    n = x.shape[0] if total is None else total
    if not hasattr(objective, "draw"):
        return seeds(rng, n)
    whole = x if n == x.shape[0] else array_namespace(x).broadcast_to(x[:1], (n, *x.shape[1:]))
    return check_noise(objective.draw(whole, rng), n, f"{type(objective).__name__}.draw returned")


def check_noise(noise: Any, n: int, who: str) -> Any:
    """``noise``, checked to be None or a tuple of arrays with one entry for each of ``n`` samples.

    Args:
        noise: the result of ``objective.draw``; a tuple may contain None and tuples of its kind.
        n: the number of samples.
        who: the beginning of a message, such as "noise has".

    Raises:
        TypeError: it is no tuple.
        ShapeError: an array has another first axis.

    >>> import numpy as np
    >>> check_noise((np.zeros((3, 2)), None), 3, "noise has")[0].shape
    (3, 2)
    """
    if noise is None:
        return None
    if not isinstance(noise, tuple):
        raise InvalidTypeError(f"{who} a {describe(noise)}: expected a NamedTuple of arrays, or None.")
    for part in noise:
        if isinstance(part, tuple) or part is None:
            check_noise(part, n, who)
        elif tuple(getattr(part, "shape", ()))[:1] != (n,):
            raise ShapeError(f"{who} {describe(part)} for {n} samples: expected arrays whose first axis is {n}.")
    return noise


def rows_of(noise: Any, start: int, stop: int) -> Any:
    """The noise of the samples ``start`` to ``stop``: these rows of each array in the (nested) tuple.

    >>> import numpy as np
    >>> rows_of(Seeds(np.arange(5)), 1, 3).values.tolist()
    [1, 2]
    """
    if noise is None:
        return None
    if isinstance(noise, tuple):
        parts = [rows_of(part, start, stop) for part in noise]
        return type(noise)(*parts) if hasattr(noise, "_fields") else tuple(parts)
    whole = start == 0 and noise.shape[0] == stop
    return noise if whole else noise[start:stop]


def loss_of(objective: Any, model: Any, x: Array, noise: Any, condition: Array | None = None) -> Array:
    """The loss of ``x`` with ``noise`` and ``condition``, for an objective or a plain function ``(model, x, rng)``.

    Raises:
        TypeError: there is a condition, but the plain function takes none.
        ValueError: the objective is a plain function, but ``noise`` is not :class:`Seeds`.

    >>> import numpy as np, scorekit as sk
    >>> objective, x = sk.objectives.DenoisingScoreMatching(0.5), np.ones((4, 2))
    >>> loss_of(objective, lambda x, sigma: -x, x, draw_for(objective, x, sk.rng(0))).shape
    ()
    """
    told = {} if condition is None else {"condition": condition}
    if hasattr(objective, "draw"):
        return objective(model, x, noise=noise, **told)
    if not isinstance(noise, Seeds):
        raise InvalidValueError(
            f"the objective is a plain function and noise a {type(noise).__name__}: expected Seeds, one seed per "
            "sample, from draw_for(objective, x, rng)."
        )
    rng = backend_of(x).rng(("plain function", int(noise.values[0])))
    try:
        return objective(model, x, rng, **told)
    except TypeError as error:
        if condition is not None and "condition" in str(error):
            raise InvalidTypeError(
                f"the objective is called with the condition of the samples and takes none ({error}): write it as "
                "objective(model, x, rng, condition=None), and pass the condition to the model."
            ) from error
        raise
