"""The properties of the data in ``run.json``: the mean image as bytes in base64, and checks when it is read."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import scorekit as sk

__all__ = ["packed", "unpacked"]


def packed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as plain JSON types.

    >>> packed({"mean": [[[[1.0]]]]})
    {'mean': {'float32': 'AACAPw==', 'shape': [1, 1, 1, 1]}}
    """
    if "mean" not in facts:
        return dict(facts)
    mean = np.asarray(facts["mean"], "<f4")
    text = base64.b64encode(mean.tobytes()).decode()
    return {**facts, "mean": {"float32": text, "shape": list(mean.shape)}}


def unpacked(facts: Any) -> dict[str, Any]:
    """The facts that :func:`packed` returned; or, from an earlier version, with the mean as lists.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: an entry has another form than expected.
    """
    found = dict(facts)
    if ("mean" in found) != ("std" in found):
        raise TypeError("it has one of mean and std: expected both")
    for name, check in _CHECKS.items():
        if name in found:
            found[name] = check(found[name])
    return found


def _mean(value: Any) -> Any:
    if isinstance(value, dict):
        given = np.frombuffer(base64.b64decode(value["float32"], validate=True), "<f4").reshape(value["shape"])
    else:
        given = np.asarray(value, np.float64)
    if given.ndim != 4 or not np.isfinite(given).all():
        raise TypeError(f"the mean image has shape {given.shape}, or values that are not finite")
    return given


def _std(value: Any) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise TypeError(f"std is {value!r}")
    return float(value)


def _classes(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("classes are not names")
    return value


def _size(value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(isinstance(n, int) and n > 0 for n in value):
        raise TypeError(f"size is {value!r}")
    return value


def _designed(value: Any) -> Any:
    sk.noise.Designed(**value)
    return value


def _data(value: Any) -> Any:
    for part in value.values():
        if not all(isinstance(n, int) for n in part["shape"]) or not isinstance(part["sha256"], str):
            raise TypeError("data is no shape and hash")
    return value


_CHECKS = {"mean": _mean, "std": _std, "classes": _classes, "size": _size, "designed": _designed, "data": _data}
