"""Odd values for each role of an argument, and what is right for each: to work, or to be refused with these words.

A role is a function ``role(good, kit) -> list of Odd``: ``good`` is a value that works, ``kit`` makes arrays of the
framework under test and of another one. The words are regular expressions, all of which the message must match.
"""

from __future__ import annotations

import decimal
import fractions
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit.training import FitResult, History


class Odd(NamedTuple):
    """An odd value. ``works``: the call gives the result of the ordinary one. Else it is refused with ``words``."""

    label: str
    value: Any
    words: tuple[str, ...] = ()
    works: bool = False


def _fine(label, value):
    return Odd(label, value, works=True)


class Kit(NamedTuple):
    """Arrays of a framework: its name, a conversion from NumPy, and the same of the other framework."""

    name: str
    array: Callable[[Any], Any]
    other: Callable[[Any], Any]


class Frame:
    """Stands for a table of pandas: it has a shape and columns, and no backend owns it."""

    __module__ = "pandas.core.frame"

    def __init__(self, values):
        self._values = np.asarray(values)
        self.shape, self.columns = self._values.shape, list(range(self._values.shape[-1]))

    def to_numpy(self):
        return self._values

    def __len__(self):
        return len(self._values)


class Untouchable:
    """Stands for an array of a framework without a backend: it has a shape and a dtype."""

    __module__ = "cupy"
    shape, dtype, ndim = (6, 2), "float32", 2


def score(x, sigma=None):
    return -x


def _plain(good):
    return np.array(good.detach().numpy() if hasattr(good, "detach") else good)


def _result():
    return FitResult(score, History(), 1, False)


NOT_A_NUMBER = ("None", None), ("text", "0.1"), ("a list", [1.0]), ("a dict", {"value": 1}), ("a class", float)


# ---------------------------------------------------------------- arrays


def batch(good, kit, *, integers=False, mixed=False, finite=True):
    """Samples ``(n, *event)``, floating point and finite; ``mixed`` if another argument has a framework, too."""
    v = _plain(good)
    nan, inf = v.copy(), v.copy()
    nan.flat[0], inf.flat[-1] = np.nan, np.inf
    odd = [
        Odd("None", None),
        Odd("a number", 1.5),
        Odd("a flag", True),
        Odd("text", "samples"),
        Odd("a dict", {"x": v}),
        Odd("a generator", (row for row in v)),
        Odd("a class", np.ndarray),
        Odd("a function", score),
        Odd("a list of rows", v.tolist(), ("asarray",)),
        Odd("a table", Frame(v), ("to_numpy",)),
        Odd("an array of another library", Untouchable()),
        Odd("one column without its axis", kit.array(v.reshape(len(v), -1)[:, 0]), (r"\[:, None\]",)),
        Odd("a single number", kit.array(v.ravel()[0])),
        Odd("no rows", kit.array(v[:0])),
        Odd("no columns", kit.array(v[:, :0])),
        Odd("complex", kit.array(v.astype(complex)), ("complex128",)),
        Odd("half precision", kit.array(v.astype(np.float16)), ("float16", "float32")),
        *strange_arrays(v, kit),
        *same_arrays(good, kit),
    ]
    if not integers:
        odd += [
            Odd("bytes", kit.array((abs(v) * 60).astype(np.uint8)), ("uint8", "/ 255")),
            Odd("whole numbers", kit.array(v.astype(np.int64)), ("int64", "float")),
            Odd("flags", kit.array(v > 0), ("bool",)),
        ]
    if finite:
        odd += [Odd("NaN", kit.array(nan), ("NaN",)), Odd("infinity", kit.array(inf), ("infinity",))]
    if mixed:
        odd.append(Odd("another framework", kit.other(v), ("torch",)))
    return odd


paired = partial(batch, mixed=True)
called = partial(batch, finite=False)


def strange_arrays(v, kit):
    """Arrays that only one framework has."""
    if kit.name == "torch":
        import torch

        return [
            Odd("meta device", torch.empty(v.shape, device="meta", dtype=torch.float64), ("meta",)),
            Odd("bfloat16", torch.as_tensor(v).to(torch.bfloat16), ("bfloat16", "float32")),
            Odd("sparse", torch.as_tensor(v).to_sparse(), ("to_dense",)),
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # np.matrix is not recommended
        matrix = np.matrix(v.reshape(len(v), -1))
    return [
        Odd("big-endian", v.astype(v.dtype.newbyteorder(">")), ("byte order",)),
        Odd("objects", v.astype(object), ("object",)),
        Odd("texts", v.astype(str), ("<U32",)),
        Odd("masked", np.ma.masked_array(v), ("MaskedArray",)),
        Odd("np.matrix", matrix, ("matrix",)),
    ]


def same_arrays(good, kit):
    """Other layouts of the same numbers, which must give the same result."""
    v = _plain(good)
    if kit.name == "torch":
        import torch

        t = torch.as_tensor(v)
        spread = torch.stack([t, t], dim=-1)[..., 0]
        return [
            _fine("requires_grad", t.clone().requires_grad_()),
            _fine("a Parameter", torch.nn.Parameter(t.clone())),
            _fine("non-contiguous", spread),
        ]
    locked = v.copy()
    locked.flags.writeable = False
    return [
        _fine("read-only", locked),
        _fine("non-contiguous", np.repeat(v, 2, axis=-1)[..., ::2]),
        _fine("column order", np.asfortranarray(v)),
    ]


def values(good, kit):
    """Numbers of any shape that the call converts itself: means, weights, proportions."""
    v = np.asarray(_plain(good), float)
    nan = v.copy()
    nan.flat[0] = np.nan
    return [
        Odd("text", "a"),
        Odd("a dict", {"a": 1.0}),
        Odd("a class", float),
        Odd("a function", score),
        Odd("NaN", nan),
        Odd("complex", v + 1j),
        Odd("texts", v.astype(str)),
        Odd("ragged", [[1.0], [1.0, 2.0]]),
        Odd("no entries", np.zeros((0,))),
        _fine("a list", v.tolist()),
        _fine("float64 array", v.copy()),
    ]


# ---------------------------------------------------------------- numbers


def count(good, kit, *, least=1, most=None, optional=False):
    """An integer."""
    good = least if good is None else good
    wrong = [
        Odd("text", str(good)),
        Odd("a fraction", good + 0.5),
        Odd("a whole float", float(good)),
        Odd("a NumPy float", np.float64(good)),
        Odd("a flag", True),
        Odd("a list", [good]),
        Odd("a dict", {"n": good}),
        Odd("a class", int),
        Odd("NaN", float("nan")),
        Odd("complex", complex(good)),
        Odd("an array", np.array([good, good])),
        Odd("too small", least - 1),
        Odd("negative", -7),
        Odd("a number of 200 bits", 1 << 200),
        _fine("a NumPy integer", np.int64(good)),
        _fine("a small NumPy integer", np.uint16(good)),
    ]
    wrong += [] if optional else [Odd("None", None)]
    return wrong + ([] if most is None else [Odd("too large", most + 1)])


def number(good, kit, *, low=None, high=None, optional=False, infinite=False, tiny=True):
    """A real number in a range; ``low`` and ``high`` are values just outside it."""
    good = 0.5 if good is None else good
    wrong = [
        Odd("text", str(good)),
        Odd("a flag", True),
        Odd("a list", [good]),
        Odd("a dict", {"value": good}),
        Odd("a class", float),
        Odd("a function", score),
        Odd("complex", complex(good)),
        Odd("two numbers", np.array([good, good])),
        Odd("NaN", float("nan")),
        _fine("a NumPy float", np.float64(good)),
        _fine("a 0-d array", np.array(good)),
        _fine("a 0-d tensor or array", kit.array(np.array(good))),
        _fine("a Fraction", fractions.Fraction(good)),
        _fine("a Decimal", decimal.Decimal(good)),
    ]
    wrong += [] if optional else [Odd("None", None)]
    wrong += [] if infinite else [Odd("infinity", float("inf")), Odd("-infinity", float("-inf"))]
    wrong += [Odd("below the range", value) for value in ([] if low is None else [low])]
    return wrong + [Odd("above the range", value) for value in ([] if high is None else [high])]


positive = partial(number, low=0.0)


def flag(good, kit):
    """True or False."""
    odd = [("text", "no"), ("a number", 2), ("None", None), ("a list", []), ("a fraction", 0.5), ("an array", [1, 0])]
    return [*(Odd(label, value) for label, value in odd), _fine("np.bool_", np.bool_(good))]


# ---------------------------------------------------------------- names


def option(good, kit, *, optional=False):
    """One of some names."""
    good = "none" if good is None else good
    typo = good[1:] + good[0] if isinstance(good, str) and len(set(good)) > 1 else "nome"
    odd = [
        Odd("a typo", typo),
        Odd("another case", good.upper() if isinstance(good, str) else "NONE"),
        Odd("a number", 3),
        Odd("a list", ["a"]),
        Odd("a dict", {"name": good}),
        Odd("empty", ""),
        Odd("bytes", b"exact"),
        Odd("an array", np.zeros(2)),
    ]
    return odd if optional else [*odd, Odd("None", None)]


def path(good, kit, *, must_exist=False, optional=False):
    """A file or a folder."""
    odd = [
        Odd("a number", 3),
        Odd("bytes", b"folder"),
        Odd("empty", ""),
        Odd("a zero byte", "a\0b"),
        Odd("a list", ["folder"]),
        Odd("a class", str),
    ]
    odd += [Odd("missing", "/nowhere/at all", ("/nowhere/at all",))] if must_exist else []
    return odd if optional else [*odd, Odd("None", None)]


# ---------------------------------------------------------------- randomness


def rng(good, kit):
    """A random stream."""
    import torch

    stranger = sk.backend("torch" if kit.name == "numpy" else "numpy").rng(0)
    return [
        Odd("text", "0"),
        Odd("a fraction", 0.5),
        Odd("a flag", True),
        Odd("negative", -1),
        Odd("a list", [0, 1]),
        Odd("a dict", {"seed": 0}),
        Odd("a class", np.random.Generator),
        Odd("numpy.random.Generator", np.random.default_rng(0), ("int seed",)),
        Odd("numpy.random.RandomState", np.random.RandomState(0), ("int seed",)),
        Odd("numpy.random", np.random, ("int seed",)),
        Odd("numpy.random.SeedSequence", np.random.SeedSequence(0), ("int seed",)),
        Odd("torch.Generator", torch.Generator(), ("int seed",)),
        Odd("a stream of another framework", stranger, ("numpy", "torch")),
        _fine("a NumPy seed", np.int64(0)),
    ]


def like(good, kit):
    """An example of the arrays to make."""
    return [
        Odd("a number", 1.5),
        Odd("text", "torch"),
        Odd("a list", [1.0]),
        Odd("a class", np.ndarray),
        Odd("a dtype", np.dtype(float)),
        Odd("whole numbers", kit.array(np.arange(3)), ("int64",)),
        Odd("half precision", kit.array(np.ones(3, np.float16)), ("float16",)),
        Odd("complex", kit.array(np.ones(3, complex)), ("complex128",)),
    ]


# ---------------------------------------------------------------- functions and objects


def model(good, kit, *, densities=False):
    """A score model. What it returns is checked, too."""
    kept = {
        "None": None,
        "a number": 3.0,
        "text": "mlp",
        "a list": [score],
        "a dict": {"model": score},
        "an array": kit.array(np.ones((6, 2))),
        "an objective": sk.objectives.DenoisingScoreMatching(0.1),
        "a sampler": sk.samplers.Langevin(0.1, 2),
        "a noise": sk.noise.Geometric(1.0, 0.5, 2),
    }
    odd = [Odd(label, value) for label, value in kept.items()]
    odd += [
        Odd("a result of fit", _result(), (r"\.model",)),
        Odd("a class of networks", _network_class(kit), ("class", "instance")),
        Odd(
            "returns for another framework",
            _network(other_kit(kit)),
            ("framework", r"torch\.as_tensor|numpy\(\)|like="),
        ),
        Odd("a function without arguments", lambda: 0.0),
        Odd("a function of keywords", lambda *, x: -x),
        Odd("a function of four arguments", lambda a, b, c, d: -a),
        *wrong_answers(kit),
    ]
    return odd if densities else [*odd, Odd("a distribution", sk.distributions.Banana(), (r"\.score",))]


def other_kit(kit):
    """The arrays of the other framework."""
    return Kit("numpy" if kit.name == "torch" else "torch", kit.other, kit.array)


def wrong_answers(kit):
    """Functions that return something other than a score."""
    return [
        Odd("returns None", lambda x, sigma=None: None, ("returned",)),
        Odd("returns a number", lambda x, sigma=None: 0.0, ("returned",)),
        Odd("returns a list", lambda x, sigma=None: [0.0], ("returned",)),
        Odd("returns a tuple", lambda x, sigma=None: (x, x), ("returned",)),
        Odd("returns an energy", lambda x, sigma=None: x.reshape(x.shape[0], -1).sum(1), ("returned", "EnergyModel")),
        Odd("returns a column", lambda x, sigma=None: x[:, :1], ("returned",)),
        Odd("returns more rows", lambda x, sigma=None: x[None], ("returned",)),
    ]


def _network_class(kit):
    if kit.name == "torch":
        import torch

        return torch.nn.Linear
    from scorekit_numpy import MLP

    return MLP


def function(good, kit, *, optional=False):
    """A function of the user."""
    odd = [Odd("a number", 3), Odd("text", "f"), Odd("a list", [score]), Odd("a dict", {}), Odd("an array", np.ones(3))]
    return odd if optional else [*odd, Odd("None", None)]


def levels(good, kit, *, distributions=False, optional=False):
    """Noise levels, or a distribution of them."""
    odd = [
        Odd("a number", 3.0),
        Odd("text", "geometric"),
        Odd("a dict", {"sigma_max": 1.0}),
        Odd("a class", sk.noise.Geometric),
        Odd("a function", score),
        Odd("a sampler", sk.samplers.Langevin(0.1, 2)),
        Odd("an objective", sk.objectives.DenoisingScoreMatching(0.1)),
        Odd("a density", sk.distributions.Banana()),
    ]
    odd += [] if optional else [Odd("None", None)]
    if distributions:
        return odd
    return [
        *odd,
        Odd("a distribution of sigma", sk.noise.LogUniform(2.0, 1.0), ("levels",)),
        Odd("ascending", [0.5, 1.0]),
        Odd("repeated", [1.0, 1.0]),
        Odd("with zero", [1.0, 0.0]),
        Odd("negative", [1.0, -0.5]),
        Odd("NaN", [1.0, float("nan")]),
        Odd("infinity", [float("inf"), 1.0]),
        Odd("none at all", []),
        Odd("texts", ["a", "b"]),
        Odd("two axes", [[1.0, 0.5]]),
    ]


def thing(good, kit, *, kinds=()):
    """An object of the library; ``kinds`` are the names that the message must contain."""
    kept = {
        "None": None,
        "a number": 3.0,
        "text": "name",
        "a list": [1.0],
        "a dict": {},
        "a class": type(good),
        "an array": kit.array(np.ones((6, 2))),
    }
    others = {
        "an objective": sk.objectives.DenoisingScoreMatching(0.1),
        "a sampler": sk.samplers.Langevin(0.1, 2),
        "a noise": sk.noise.LogUniform(1.0, 0.5),
        "a density": sk.distributions.Banana(),
        "a network": _network(kit),
        "a result of fit": _result(),
    }
    return [
        Odd(label, value, kinds) for label, value in (kept | others).items() if label not in _SAME.get(_kind(good), ())
    ]


_SAME = {
    "objectives": ("an objective", "a network"),
    "samplers": ("a sampler",),
    "noise": ("a noise",),
    "distributions": ("a density",),
}


def _kind(good):
    return type(good).__module__.split(".")[1] if type(good).__module__.startswith("scorekit.") else ""


def _network(kit):
    if kit.name == "torch":
        import scorekit_torch

        return scorekit_torch.MLP(2, (8,), dtype="float64")
    import scorekit_numpy

    return scorekit_numpy.MLP(2, (8,))


def anything(good, kit):
    """No odd value is known: every value works."""
    return []


def arraylike(good, kit):
    """Any array; its values are not read."""
    return [Odd(label, value) for label, value in (("None", None), ("text", "a"), ("a number", 1.5), ("a list", [1.0]))]
