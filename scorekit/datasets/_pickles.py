"""A safe reader for the pickle files of CIFAR-10: containers, text, numbers and arrays of bytes.

First, every opcode is compared with a list of the opcodes that these files need. Then Python's unpickler runs without
imports: a table maps the few names that these files need to harmless objects of this module. Any other name raises an
error, and nothing from the file is imported or executed.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._reading import read_bytes
from scorekit.errors import DatasetError

__all__ = ["read_pickle"]

_OPCODES = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1",
    "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM",
    "SETITEMS", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GLOBAL", "STACK_GLOBAL", "REDUCE",
    "BUILD",
})  # fmt: skip

_TUPLES_AT_MOST = 1000
_OPCODES_AT_MOST = 1_000_000  # the training set of CIFAR-100 has a quarter of them
_AT_MOST = 1 << 28  # bytes; the training set of CIFAR-100 has 155 million


class _Dtype:
    """Replaces numpy.dtype; accepts only bytes (u1)."""

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in (b"u1", "u1"):
            raise pickle.UnpicklingError(f"an array of dtype {reprlib.repr(code)}, expected bytes (u1)")

    def __setstate__(self, state: Any) -> None:
        """Ignore the state: bytes have no byte order."""


class _Array:
    """Replaces numpy.ndarray; holds an array of bytes."""

    value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("an array that is not made of bytes")
        if not all(isinstance(n, int) and n >= 0 for n in shape) or math.prod(shape) != len(content):
            raise pickle.UnpicklingError(f"an array of shape {reprlib.repr(shape)} with {len(content)} bytes")
        self.value = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


def _reconstruct(kind: Any, *_: Any) -> _Array:
    if kind is not _Array:
        raise pickle.UnpicklingError(f"an array of kind {reprlib.repr(kind)}")
    return _Array()


def _encode(text: Any, encoding: Any) -> bytes:
    """Decode bytes as pickle protocol 2 of Python 3 stores them."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"text in the encoding {reprlib.repr(encoding)}")
    return text.encode("latin1")


class _Function:
    """A function that a file may call, but not modify."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it modifies a function that it may only call")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Function(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _Function(_reconstruct),
    ("_codecs", "encode"): _Function(_encode),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which an image file does not need")
        return _NAMES[module, name]


def read_pickle(path: Path) -> dict[str, Any]:
    """The dict in a pickle of text, numbers, lists and arrays of bytes; anything else raises ``DatasetError``."""
    try:
        content = read_bytes(path, _AT_MOST)
        _check_opcodes(content)
        found = _Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError(f"a {type(found).__name__}, expected a dict")
        return {_text(key): value.value if isinstance(value, _Array) else value for key, value in found.items()}
    except Exception as error:  # the unpickler raises many exception types for damaged files
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{path} is not an image pickle: {reason}. Nothing in it was executed.") from error


def _check_opcodes(content: bytes) -> None:
    """Raise an error for opcodes that image files do not need, and for sizes that only a malicious file has.

    The memo table of the unpickler grows to the largest index in the file. Deeply nested tuples overflow the stack.
    """
    tuples = 0
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if count > _OPCODES_AT_MOST:
            raise pickle.UnpicklingError(f"it contains more than {_OPCODES_AT_MOST} opcodes")
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"it contains the opcode {opcode.name}, which an image file does not need")
        if opcode.name == "LONG_BINPUT" and (argument or 0) > len(content):
            raise pickle.UnpicklingError(f"it has the memo index {argument} in {len(content)} bytes")
        tuples += opcode.name.startswith("TUPLE")
    if tuples > _TUPLES_AT_MOST:
        raise pickle.UnpicklingError(f"it contains {tuples} tuples, more than an image file has")


def _text(key: Any) -> str:
    if not isinstance(key, (str, bytes)):
        raise pickle.UnpicklingError(f"it has the key {reprlib.repr(key)}, expected text")
    return key.decode("latin1") if isinstance(key, bytes) else key
