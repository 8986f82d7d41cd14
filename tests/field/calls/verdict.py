"""How a call ended: as it should, silent, cryptic or unclear."""

from __future__ import annotations

import re
import traceback
import warnings
from typing import NamedTuple

import numpy as np

import scorekit as sk

LONGEST = 700
_REMEDY = re.compile(
    r"expect|must |write |use |pass |convert |install|set |omit|choose|did you mean|wrap |needs |make it|without |"
    r"call |download |keys: ",
    re.IGNORECASE,
)


class Verdict(NamedTuple):
    """``kind`` is "right", "silent", "cryptic" or "unclear"; ``reason`` says why it is not right."""

    kind: str
    reason: str = ""


def judge(call):
    """Run a call of the catalogue and classify how it ended."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = call.run()
    except sk.ScorekitError as error:
        return _refused(call, str(error))
    except RecursionError as error:
        return Verdict("cryptic", repr(error)[:LONGEST])
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        return Verdict("cryptic", f"{kind}: {str(error)[:200]} ({where.filename.rsplit('/', 2)[-1]}:{where.lineno})")
    if not call.works:
        return Verdict("silent", f"returned {_short(result)}")
    return Verdict("right") if same(result, call.expected()) else Verdict("silent", f"another result: {_short(result)}")


def _refused(call, message):
    if call.works:
        return Verdict("unclear", f"refused, and it makes sense: {message}")
    lacks = [f"the word {word!r}" for word in call.words if not re.search(word, message)]
    itself = isinstance(call.value, str) and len(call.value) > 8 and call.value in message  # a path is its own name
    if not itself and not re.search(rf"(?<![\w.]){call.argument}(?!\w)", message):
        lacks.append(f"the argument {call.argument!r}")
    if not _REMEDY.search(message):
        lacks.append("what is expected")
    if not call.words and not any(token.lower() in message.lower() for token in came(call.value)):
        lacks.append("what was passed")
    if "\x1b" in message or len(message) > LONGEST:
        lacks.append("a form that can be read")
    return Verdict("unclear", f"lacks {', '.join(lacks)}: {message}") if lacks else Verdict("right")


def came(value):
    """Words of which a message must have one to say what was passed."""
    kind = type(value).__name__
    tokens = {kind, getattr(value, "__name__", kind), repr(value)}
    if isinstance(value, (bool, int, float, complex, np.generic)):
        tokens |= {str(value), "NaN", f"{float(value.real):g}" if abs(value.real) < 1e300 else "bits", "bits"}
    elif isinstance(value, str):
        tokens |= {value}
    elif hasattr(value, "shape") and not isinstance(value, type):
        tokens |= {
            str(tuple(value.shape)),
            str(getattr(value, "dtype", None)),
            "NaN",
            "infinity",
            "meta",
            "another",
            "framework",
        }
        tokens |= {"from", "smallest", "zero", "between", "negative", "got"}
    elif callable(value):
        tokens |= {"returned", "takes", "raised", "function", "argument", "cannot be called"}
    elif isinstance(value, (list, tuple, dict)):
        tokens |= {
            "got",
            str(value)[:12],
            str(len(value)),
            "levels",
            "empty",
            "cannot be called",
            "ragged",
            "second item",
        }
        tokens |= {word for inner in value for word in (str(inner), repr(inner), type(inner).__name__)}
    elif value is None:
        tokens |= {"without", "missing", "fit needs"}
    return {token for token in tokens if token}


def same(a, b):
    """Whether two results are equal, to rounding."""
    if type(a).__module__.startswith("scorekit") and hasattr(a, "__dataclass_fields__"):
        fields = [name for name, field in a.__dataclass_fields__.items() if field.compare and not name.startswith("_")]
        return all(same(getattr(a, name), getattr(b, name)) for name in fields)
    if hasattr(a, "parameters") and callable(a.parameters):
        return same(_weights(a), _weights(b))
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "shape") and hasattr(a, "dtype"):
        return np.allclose(_host(a), _host(b), rtol=1e-6, atol=1e-9, equal_nan=True)
    if isinstance(a, float):
        return bool(np.isclose(a, b, rtol=1e-6, equal_nan=True))
    return type(a) is type(b)


def _weights(model):
    if hasattr(model, "state_dict"):
        return dict(model.state_dict())
    return model.parameters()


def _host(a):
    return np.asarray(a.detach().double() if hasattr(a, "detach") else a)


def _short(result):
    try:
        text = repr(result).replace("\n", " ")
    except Exception:
        text = type(result).__name__
    return text[:80]
