"""From a seed to a stream of random numbers, by the same rule for every backend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.protocols import Seed

__all__ = ["STREAMS", "restored_sequence", "seed_sequence", "sequence_state"]

STREAMS = 2
"""The version of the rule that maps seeds to streams. A run that started with another version cannot be resumed."""


def seed_sequence(seed: Seed | np.random.SeedSequence) -> np.random.SeedSequence:
    """The ``numpy.random.SeedSequence`` of a seed.

    A seed is a nonnegative int, or a sequence of nonnegative ints and strings. The entropy is the SHA-256 hash of these
    parts with their types and lengths, so 7, (7, 0), (7, 0, 0) and ("7",) give four different streams; 7 equals (7,).
    Spawned children differ from all of these by their ``spawn_key``.

    Args:
        seed: such a seed, or None for fresh entropy. A ``SeedSequence`` is returned unchanged.

    Raises:
        ValueError: an int is negative.
        TypeError: a part is neither an int nor a string; bool is not accepted.

    >>> first, again, other = (seed_sequence(seed).generate_state(2) for seed in ((7, 0), (7, 0), (7, 0, 0)))
    >>> bool((first == again).all()), bool((first == other).any())
    (True, False)
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is None:
        return np.random.SeedSequence()
    text = "".join([_written(part, seed) for part in _parts(seed)]).encode("utf-8", "surrogatepass")
    return np.random.SeedSequence(np.frombuffer(hashlib.sha256(text).digest(), dtype="<u4"))


def sequence_state(sequence: np.random.SeedSequence) -> dict[str, Any]:
    """The state of ``sequence``, with its number of spawned children, as plain JSON types.

    >>> import json
    >>> child = seed_sequence(7).spawn(2)[1]
    >>> again = restored_sequence(json.loads(json.dumps(sequence_state(child))))
    >>> bool((again.generate_state(4) == child.generate_state(4)).all())
    True
    """
    entropy: Any = sequence.entropy
    return {
        "entropy": [int(word) for word in entropy] if np.ndim(entropy) else int(entropy),
        "spawn_key": list(sequence.spawn_key),
        "spawned": sequence.n_children_spawned,
    }


def restored_sequence(state: Mapping[str, Any]) -> np.random.SeedSequence:
    """The inverse of :func:`sequence_state`; other keys of ``state`` are ignored.

    >>> restored_sequence(sequence_state(seed_sequence(7).spawn(3)[2])).spawn_key
    (2,)
    """
    return np.random.SeedSequence(
        state["entropy"], spawn_key=tuple(state["spawn_key"]), n_children_spawned=state["spawned"]
    )


def _parts(seed: Any) -> Any:
    if isinstance(seed, (int, np.integer)):
        return (seed,)
    if isinstance(seed, (tuple, list)) or getattr(seed, "ndim", 0) == 1:
        return seed
    raise InvalidTypeError(_refused(seed))


def _written(part: Any, seed: Any) -> str:
    """A part as text, with its type and, for a string, its length; different sequences give different texts."""
    if isinstance(part, str):
        return f"s{len(part)}:{part}"
    if isinstance(part, bool) or not isinstance(part, (int, np.integer)):
        raise InvalidTypeError(_refused(seed))
    if part < 0:
        raise InvalidValueError(_refused(seed))
    return f"i{part:x}"


def _refused(seed: Any) -> str:
    return f"the seed is {seed!r}: expected a nonnegative int, a sequence of nonnegative ints and strings, or None."
