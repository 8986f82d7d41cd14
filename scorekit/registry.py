"""The registry of backends, and the lookup of the backend of an array.

The backends of this repository are in a table. Third-party backends are found through the entry-point group
``scorekit.backends``. Backends are imported when they are first needed. There is no global current backend: the array
determines the backend.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from scorekit._checks import check_option
from scorekit._optional import failed_import
from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError, describe
from scorekit.protocols import Array, Backend, Rng, Seed

__all__ = [
    "array_namespace",
    "backend",
    "backend_of",
    "backends",
    "framework_of",
    "offered",
    "provided",
    "register",
    "rng",
]

ENTRY_POINT_GROUP = "scorekit.backends"


class _Entry(NamedTuple):
    """How to load a backend, the framework it needs, and the modules that define its array types."""

    load: Callable[[], Callable[..., Backend]]
    framework: str | None
    package: str
    array_modules: frozenset[str]


def _numpy_backend() -> Callable[..., Backend]:
    factory: Callable[..., Backend] = importlib.import_module("scorekit_numpy").NumpyBackend
    return factory


def _torch_backend() -> Callable[..., Backend]:
    factory: Callable[..., Backend] = importlib.import_module("scorekit_torch").TorchBackend
    return factory


_table: dict[str, _Entry] = {
    "numpy": _Entry(_numpy_backend, "autograd", "autograd", frozenset({"numpy", "autograd"})),
    "torch": _Entry(_torch_backend, "torch", "torch", frozenset({"torch"})),
}
_defaults: dict[str, Backend] = {}
_owner_of_type: dict[type, Backend] = {}
_entry_points_read = False


def register(name: str, factory: Callable[..., Backend], array_modules: tuple[str, ...] = ()) -> None:
    """Register a backend for this process. Packages do the same through the entry-point group ``scorekit.backends``.

    Args:
        name: a name that no other backend has.
        factory: ``factory(device=None, dtype=None)`` returns the backend.
        array_modules: the top-level modules that define its array types. If empty, the method ``owns`` of the backend
            is called for every array that no other backend owns.

    Raises:
        ValueError: ``name`` is already registered.

    >>> from scorekit_numpy import NumpyBackend
    >>> register("numpy", NumpyBackend)
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: two backends are called 'numpy': names must be unique. ...
    """
    _add(name, _Entry(lambda: factory, None, "", frozenset(array_modules)))


def _add(name: str, entry: _Entry) -> None:
    if name in _table:
        raise InvalidValueError(
            f"two backends are called {name!r}: names must be unique. "
            f"Uninstall one of the packages that provide it, or rename it in its entry point."
        )
    _table[name] = entry


def _from_entry_point(point: EntryPoint) -> _Entry:
    distribution = point.dist.name if point.dist is not None else point.module
    return _Entry(point.load, None, distribution, frozenset())


def _entries() -> dict[str, _Entry]:
    global _entry_points_read
    if not _entry_points_read:
        for point in entry_points(group=ENTRY_POINT_GROUP):
            _add(point.name, _from_entry_point(point))
        _entry_points_read = True
    return _table


def backends() -> dict[str, bool]:
    """The known backends, each with True if its framework is installed. Nothing is imported.

    >>> import scorekit as sk
    >>> sk.backends()["numpy"]
    True
    """
    return {
        name: entry.framework is None or importlib.util.find_spec(entry.framework) is not None
        for name, entry in _entries().items()
    }


def backend(name: str, device: str | None = None, dtype: str | None = None) -> Backend:
    """The backend called ``name``; ``device`` and ``dtype`` are its defaults for new arrays.

    Raises:
        MissingBackendError: the framework of the backend is not installed.
        ValueError: ``name`` is not a known backend.

    >>> import scorekit as sk
    >>> sk.backend("numpy", dtype="float32").asarray([1, 2]).dtype
    dtype('float32')
    """
    entries = _entries()
    if not isinstance(name, str) or name not in entries:
        check_option(name, "backend", tuple(sorted(entries)))
    if device is None and dtype is None:
        if name not in _defaults:
            _defaults[name] = _load(name, entries[name])()
        return _defaults[name]
    return _load(name, entries[name])(device=device, dtype=dtype)


def _load(name: str, entry: _Entry) -> Callable[..., Backend]:
    try:
        return entry.load()
    except ScorekitError:
        raise
    except Exception as error:  # a framework that does not fit its dependencies raises any type
        raise failed_import(error, entry.framework or entry.package, f"the {name} backend", entry.package) from error


def framework_of(thing: object) -> str | None:
    """The name of the backend that defines the class of ``thing``, or whose framework does; None without one.

    >>> framework_of([1, 2]) is None
    True
    """
    modules = {_module_of_class(kind) for kind in type(thing).__mro__}
    return next((n for n, entry in _entries().items() if modules & (entry.array_modules | {f"scorekit_{n}"})), None)


def provided(name: str, what: str) -> Any:
    """The object ``what`` that the package of backend ``name`` exports, for example the network ``MLP``.

    Only names in ``__all__`` of the package are accepted, so a name read from a file cannot access anything else.

    Raises:
        ValueError: the package does not export ``what``.

    >>> provided("numpy", "MLP")(2, hidden=(8,))
    MLP(2, hidden=(8,), conditional=True, dtype='float64')
    """
    found = offered(name, what)
    if found is None:
        raise InvalidValueError(f"the {name} backend has no {what!r}: it has {', '.join(_exports(name).__all__)}.")
    return found


def offered(name: str, what: str) -> Any:
    """The object ``what`` that the package of backend ``name`` exports, or None: these exports are optional.

    :class:`~scorekit.protocols.Package` lists the exports that scorekit uses.

    >>> offered("numpy", "devices")()[0].startswith("cpu"), offered("numpy", "no such thing")
    (True, None)
    """
    package = _exports(name)
    return getattr(package, what) if what in getattr(package, "__all__", ()) else None


def _exports(name: str) -> Any:
    return importlib.import_module(_module_of_class(type(backend(name))))


def backend_of(x: Array, name: str = "x") -> Backend:
    """The backend that owns the array ``x``; ``name`` is the name of the argument in messages.

    Raises:
        TypeError: no backend owns ``x``.

    >>> import numpy as np, scorekit as sk
    >>> sk.backend_of(np.ones(3)).name
    'numpy'
    """
    found = _owner(x)
    if found is None:
        raise InvalidTypeError(_unowned(x, name))
    return found


def _owner(x: object) -> Backend | None:
    kind = type(x)
    if kind not in _owner_of_type:
        found = _search(x)
        if found is None:
            return None
        _owner_of_type[kind] = found
        return found
    known = _owner_of_type[kind]
    return known if known.owns(x) else None  # arrays of one type may have several layouts


def _search(x: object) -> Backend | None:
    entries = _entries()
    named = [name for name, entry in entries.items() if _module(x) in entry.array_modules]
    asked = [name for name, entry in entries.items() if not entry.array_modules]
    for name in named + asked:
        candidate = backend(name)
        if candidate.owns(x):
            return candidate
    return None


def _unowned(x: object, label: str) -> str:
    known = " or ".join(sorted(_entries()))
    return f"{label} is a {describe(x)}: expected an array of {known}.{_way_to_array(x, label)}"


def _way_to_array(x: object, label: str) -> str:
    """How to make an array of ``x``; empty if no way is known."""
    name = label if label.isidentifier() else "x"
    if isinstance(x, type):
        return ""
    for part, owner in (("x", "samples"), ("images", "data")):  # a sampler result, a set of images
        if hasattr(getattr(x, part, None), "shape"):
            return f" Pass the array in it: {owner}.{part}."
    if isinstance(x, (list, tuple, int, float)):
        return f" Write numpy.asarray({name}, dtype=float)."
    for mark, way in _TO_DENSE.items():
        if getattr(x, mark, False) is not False:
            return f" It is not a dense array: write {name}.{way}."
    if callable(getattr(x, "to_numpy", None)):  # a table of pandas or polars
        return f" Write {name}.to_numpy(dtype=float)."
    return f" Write numpy.asarray({name})." if _module(x) == "numpy" and hasattr(x, "shape") else ""


_TO_DENSE = {
    "is_nested": "to_padded_tensor(0.0)",
    "is_quantized": "dequantize()",
    "is_sparse": "to_dense()",
    "is_sparse_csr": "to_dense()",
    "fill_value": "filled(…), or drop the rows with masked entries",
}


def array_namespace(*arrays: Array, **named: Array) -> Any:
    """The array-API namespace of the arrays. If a backend owns them, its functions are differentiable.

    Python scalars and None are ignored. Pass arrays by keyword if error messages should contain their names.

    Raises:
        TypeError: no argument is an array, no backend owns an array, or the arrays differ in framework or device.

    >>> import numpy as np, scorekit as sk
    >>> xp = sk.array_namespace(np.ones(3))
    >>> float(xp.sum(np.ones(3)))
    3.0
    """
    if len(arrays) == 1 and not named and type(arrays[0]) in _owner_of_type:  # the most frequent call
        return _owner_of_type[type(arrays[0])].xp
    alike = _owner_of_alike((*arrays, *named.values()))
    if alike is not None:
        return alike.xp
    first_name = "x" if len(arrays) == 1 and not named else "argument 1"
    labeled = [(f"argument {i + 1}" if i else first_name, a) for i, a in enumerate(arrays)] + list(named.items())
    arrays_given = [(label, a) for label, a in labeled if a is not None and not isinstance(a, (bool, int, float))]
    if not arrays_given:
        came = ", ".join(f"{label} is {a!r}" for label, a in labeled) or "no argument was passed"
        raise InvalidTypeError(f"{came}: expected at least one array.")
    labeled = arrays_given
    first_label, first = labeled[0]
    home = _namespace_of(first, first_label)
    for label, other in labeled[1:]:
        if _namespace_of(other, label) is not home:
            raise InvalidTypeError(_mixed("frameworks", first_label, first, label, other))
        if _device(other) != _device(first):
            raise InvalidTypeError(_mixed("devices", first_label, first, label, other))
    return home


def _owner_of_alike(arrays: tuple[Array, ...]) -> Backend | None:
    """The backend, if all arrays have one known type and one device; None otherwise."""
    kind = type(arrays[0]) if arrays else type(None)
    owner = _owner_of_type.get(kind)
    if owner is None:
        return None
    device = getattr(arrays[0], "device", None)
    for a in arrays:
        if type(a) is not kind or not owner.owns(a) or getattr(a, "device", None) != device:
            return None
    return owner


def _namespace_of(x: Array, label: str) -> Any:
    """The namespace of the backend of ``x``; without a backend, the array's own array-API namespace."""
    found = _owner(x)
    if found is not None:
        return found.xp
    refused = any(_module(x) in entry.array_modules for entry in _entries().values())
    if refused or isinstance(x, type) or not hasattr(x, "__array_namespace__"):
        raise InvalidTypeError(_unowned(x, label))
    return x.__array_namespace__()


def _module(x: object) -> str:
    return _module_of_class(type(x))


def _module_of_class(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _device(x: Array) -> str:
    return str(getattr(x, "device", "cpu"))


def _mixed(what: str, label_a: str, a: Array, label_b: str, b: Array) -> str:
    way = f"Convert one: sk.backend_of({label_a}).asarray({label_b}, like={label_a})."
    if what == "devices":
        way = "Move one of them to the device of the other."
    return (
        f"{label_a} is a {describe(a)} on {_device(a)}, {label_b} a {describe(b)} on {_device(b)}: "
        f"expected arrays of one framework on one device, got two {what}. {way}"
    )


def rng(seed: Seed = None, like: Array | None = None) -> Rng:
    """A random number stream of the backend that owns ``like`` (NumPy if ``like`` is None).

    Different seeds give independent streams: 7, (7, 0) and ("noise", 7) are three seeds. A function called with
    ``rng=7`` derives its stream from 7 and its own name. Its random numbers are therefore independent of those of other
    functions and of ``sk.rng(7)``.

    Args:
        seed: a non-negative int, a sequence of ints and strings, or None for fresh entropy.
        like: an array; the stream makes arrays of its framework.

    >>> import scorekit as sk
    >>> bool((sk.rng(0).normal((3,)) == sk.rng(0).normal((3,))).all())
    True
    """
    owner = backend("numpy") if like is None else backend_of(like, "like")
    return owner.rng(seed)
