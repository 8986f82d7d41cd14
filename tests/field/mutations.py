"""Random damage of files: bits, bytes, lengths, chunks, and numbers that a header could hold."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

__all__ = ["damaged", "damaged_json"]

_NUMBERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)
_WORDS = (
    *(b"[", b"[" * 5000, b"{", b'{"a":' * 5000, b'"', b"null", b"-1", b"1e400", b"NaN", b"9" * 5000),
    *(b"\0", b"\xff", b",", b"]", b"=", b"\n"),
)
_VALUES = (
    *(None, True, -1, 0, 2**31, 10**30, 1e308, float("nan"), float("inf"), "", "x", "../x", "\0", "os"),
    *([], {}, [[]], [-1], [10**9], {"a": None}),
)


def damaged(content: bytes, g: np.random.Generator) -> bytes:
    """A copy of ``content`` with one to three random changes, most often one."""
    for _ in range(int(g.choice([1, 1, 1, 2, 3]))):
        content = _CHANGES[int(g.integers(len(_CHANGES)))](content, g)
    return content


def _at(content: bytes, g: np.random.Generator) -> int:
    """A position: anywhere, or near the start, where headers are, or near the end."""
    n = len(content)
    where = int(g.integers(4))
    most = n if where < 2 else min(n, 64)
    place = int(g.integers(most + 1))
    return n - place if where == 3 else place


def _flip(content: bytes, g: np.random.Generator) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(int(g.integers(1, 9))):
        changed[min(_at(content, g), len(changed) - 1)] ^= 1 << int(g.integers(8))
    return bytes(changed)


def _truncate(content: bytes, g: np.random.Generator) -> bytes:
    return content[: _at(content, g)]


def _insert(content: bytes, g: np.random.Generator) -> bytes:
    place = _at(content, g)
    return content[:place] + g.bytes(int(g.integers(1, 65))) + content[place:]


def _word(content: bytes, g: np.random.Generator) -> bytes:
    place = _at(content, g)
    return content[:place] + _WORDS[int(g.integers(len(_WORDS)))] + content[place:]


def _number(content: bytes, g: np.random.Generator) -> bytes:
    place, size = _at(content, g), int(g.choice([1, 2, 4, 8]))
    number = _NUMBERS[int(g.integers(len(_NUMBERS)))] % (1 << 8 * size)
    return content[:place] + number.to_bytes(size, str(g.choice(["little", "big"]))) + content[place + size :]


def _duplicate(content: bytes, g: np.random.Generator) -> bytes:
    start, place, length = _at(content, g), _at(content, g), int(g.integers(1, 1025))
    return content[:place] + content[start : start + length] + content[place:]


def _remove(content: bytes, g: np.random.Generator) -> bytes:
    place = _at(content, g)
    return content[:place] + content[place + int(g.integers(1, 1025)) :]


def _magic(content: bytes, g: np.random.Generator) -> bytes:
    length = int(g.integers(1, 17))
    return g.bytes(length) + content[length:]


_CHANGES = (_flip, _truncate, _insert, _word, _number, _duplicate, _remove, _magic)


def damaged_json(value: Any, g: np.random.Generator) -> Any:
    """A copy of a JSON value in which one entry is another value, is missing or has another name."""
    changed = copy.deepcopy(value)
    holder: Any = changed
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return changed
        key = keys[int(g.integers(len(keys)))]
        if isinstance(holder[key], (dict, list)) and holder[key] and g.uniform() < 0.8:
            holder = holder[key]
            continue
        kind = int(g.integers(4))
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        else:
            holder[key] = json.loads(json.dumps(_VALUES[int(g.integers(len(_VALUES)))]))
        return changed
