"""The content of the data of a run, as shapes and hashes: the data may move to another folder, but must not change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["content_of", "differences"]

_SHOWN = 4096  # images that are hashed, at equal distances
_AT_ONCE = 256


def content_of(parts: tuple[Any, Any]) -> dict[str, Any]:
    """The shape, and a hash of images and labels, of the training images and of the held-out images.

    >>> import scorekit as sk
    >>> content_of(sk.datasets.digits().split(0.9))["training"]["shape"]
    [1617, 1, 8, 8]
    """
    names = zip(("training", "held out"), parts, strict=True)
    return {name: _content(data) for name, data in names if data is not None}


def _content(data: Any) -> dict[str, Any]:
    rows = np.linspace(0, len(data) - 1, min(len(data), _SHOWN)).astype(int)
    found = hashlib.sha256()
    for start in range(0, len(rows), _AT_ONCE):
        found.update(np.ascontiguousarray(data[rows[start : start + _AT_ONCE]].images, np.float32).data)
    if data.labels is not None:
        found.update(np.ascontiguousarray(data.labels, np.int64).data)
    return {"shape": list(data.shape), "sha256": found.hexdigest()[:16]}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two contents, as a sentence; empty if nothing does."""
    return "; ".join(
        f"the {name} images were {_words(then.get(name))}, now {_words(now.get(name))}"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    )


def _words(part: dict[str, Any] | None) -> str:
    return "none" if part is None else f"{'×'.join(map(str, part['shape']))} with the hash {part['sha256']}"
