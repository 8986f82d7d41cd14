"""Files of weights, read without execution of anything in them: of ``torch.save``, old and new, and safetensors.

A pickle names functions and classes, and Python's reader imports and calls them. Here only the functions that make
tensors are known. Any other name becomes a :class:`Record`, an object that keeps what the file gives it and does
nothing.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import torch

from scorekit.errors import CheckpointError
from scorekit.learning import check_path, file_kind

__all__ = ["Record", "read"]

Array: TypeAlias = Any


class Record:
    """An object of a class that is not known here: ``argparse.Namespace``, ``ConfigDict``, a scalar of NumPy, …

    ``fields`` holds its attributes and entries by name, ``values`` its arguments and items.
    """

    fields: dict[Any, Any]
    values: list[Any]

    def __new__(cls, *arguments: Any, **named: Any) -> Record:
        """All is done here, because an unpickler does not call ``__init__`` for every object."""
        made = super().__new__(cls)
        made.fields, made.values = dict(named), list(arguments)
        return made

    def __call__(self, *arguments: Any) -> Record:
        """What an unknown function gives: another record."""
        return Record(*arguments)

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.fields |= part
            else:
                self.values.append(part)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.fields[key] = value

    def append(self, value: Any) -> None:
        """An item of a list that is of an unknown class."""
        self.values.append(value)

    def extend(self, values: list[Any]) -> None:
        """Items of a list that is of an unknown class."""
        self.values += values

    add = append


def read(path: str | os.PathLike[str]) -> tuple[Path, Any]:
    """The content of a file of ``torch.save`` or safetensors, on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, or of another kind, which the message names.
    """
    place = check_path(path, "path")
    kind, words = file_kind(place)
    if kind == "missing":
        raise CheckpointError(f"{place} does not exist: expected a file that torch.save wrote, or a safetensors file.")
    if kind not in ("torch", "safetensors"):
        raise CheckpointError(f"{place} is {words}: expected a file that torch.save wrote, or a safetensors file.")
    try:
        if kind == "safetensors":
            from safetensors.torch import load_file

            return place, load_file(place)
        return place, torch.load(place, map_location="cpu", weights_only=False, pickle_module=_pickle_for(place))
    except Exception as error:  # what a damaged or hostile file raises is any of a dozen types
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{place} is {words}, and cannot be read ({type(error).__name__}: {reason}).") from error


class _Room:
    """The bytes that a file of ``torch.save`` holds for each storage.

    ``torch.load`` takes the size of a storage from the pickle: it allocates that many bytes, and in an archive it reads
    that many from a record that may be shorter.
    """

    def __init__(self, place: Path) -> None:
        self._size, self._asked = place.stat().st_size, dict[str, int]()
        self._records: dict[str, int] | None = None
        if not zipfile.is_zipfile(place):
            return
        with zipfile.ZipFile(place) as archive:
            members = archive.infolist()
        if sum(member.file_size for member in members) > self._size:  # torch.save does not compress
            raise ValueError(f"it declares more than its {self._size:,} bytes, which looks like a zip bomb")
        if any(name.endswith("constants.pkl") for name in torch._C.PyTorchFileReader(str(place)).get_all_records()):
            raise ValueError("it is a TorchScript archive, which holds a program")
        self._records = {member.filename.partition("/data/")[2]: member.file_size for member in members}

    def checked(self, storage: Any) -> Any:
        """The description of a storage, ``("storage", type, key, device, count, …)``, if its size fits the file."""
        if not isinstance(storage, tuple) or len(storage) < 5 or storage[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError("it holds a module or an object, expected tensors")
        kind, key, count = storage[1], str(storage[2]), storage[4]
        size = self._asked[key] = count * getattr(kind, "dtype", torch.uint8).itemsize
        if self._records is None:
            fits = count >= 0 and sum(self._asked.values()) <= self._size
        else:
            fits = size == self._records.get(key)
        if not fits:
            raise pickle.UnpicklingError(f"it declares a storage of {size:,} bytes, which it does not hold")
        return storage


class _Unpickler(pickle._Unpickler):
    """An unpickler that imports nothing. What it can call is made for each file, so a file cannot change it.

    It is the one in Python: the one in C makes a table as long as the largest index in the file.
    """

    room: _Room

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known = _known()

    def __setattr__(self, name: str, value: Any) -> None:
        """``torch.load`` sets the function that makes storages; their descriptions are checked first."""
        if name == "persistent_load":
            make = value
            value = lambda storage: make(self.room.checked(storage))  # noqa: E731
        super().__setattr__(name, value)

    def find_class(self, module: str, name: str) -> Any:
        """What makes tensors and plain containers; a new kind of :class:`Record` for any other name."""
        full = f"{module}.{name}"
        if full not in self._known:
            self._known[full] = type(name.rpartition(".")[2], (Record,), {"__module__": module})
        return self._known[full]


def _known() -> dict[str, Any]:
    rebuild: Any = torch._utils

    def of_subclass(make: Callable[..., Any], _kind: Any, arguments: tuple[Any, ...], _state: Any) -> Any:
        return make(*arguments)

    made: dict[str, Any] = {
        "torch._utils._rebuild_tensor": lambda *a: rebuild._rebuild_tensor(*a),
        "torch._utils._rebuild_tensor_v2": lambda *a: rebuild._rebuild_tensor_v2(*a[:4], False, OrderedDict()),
        "torch._utils._rebuild_parameter": lambda data, *_: data,
        "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
        "torch._tensor._rebuild_from_type_v2": of_subclass,
        "collections.OrderedDict": OrderedDict,
        "_codecs.encode": lambda text, *_: text.encode("latin1"),  # bytes, as protocol 2 writes them
        "torch.Size": torch.Size,
        "torch.device": lambda *a: str(a),
    }
    for builtin in (set, frozenset, complex):
        made[f"builtins.{builtin.__name__}"] = made[f"__builtin__.{builtin.__name__}"] = builtin
    return made | {str(dtype): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}


def _pickle_for(place: Path) -> Any:
    """The module of pickle functions that ``torch.load`` uses for a file."""
    reader = type("Unpickler", (_Unpickler,), {"room": _Room(place)})
    return SimpleNamespace(
        __name__="pickle", Unpickler=reader, load=lambda file, **options: reader(file, **options).load()
    )
