"""Mean and covariance of features: computed in blocks, saved, and read from files of other programs."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_batch, host
from scorekit._checks import check_count, check_path
from scorekit._numerics import row_blocks
from scorekit._reading import open_regular
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.metrics._host import host_batch
from scorekit.protocols import Array

__all__ = ["Moments", "as_moments", "is_moments", "moments"]

_ROWS = 4096
"""Rows of one block."""

_SKEW = 1e-5
"""Largest accepted asymmetry and negative eigenvalue of a covariance, relative to its largest entry and eigenvalue."""

_WIDEST = 1 << 17
"""Largest accepted number of features in a file."""


@displayed
class Moments(NamedTuple):
    """The ``mean (d,)``, the unbiased ``covariance (d, d)``, and the number ``n`` of samples, None if unknown."""

    mean: Any
    covariance: Any
    n: int | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file with the arrays ``mu``, ``sigma`` and ``n``, which pytorch-fid and clean-fid read.

        Raises:
            InvalidValueError: the name does not end in ``.npz``, or the file cannot be written.

        >>> import tempfile, numpy as np, scorekit as sk
        >>> features = np.random.default_rng(0).normal(size=(100, 3))
        >>> with tempfile.TemporaryDirectory() as place:
        ...     sk.metrics.moments(features).save(place + "/real.npz")
        ...     sk.metrics.frechet_distance(features, place + "/real.npz") < 1e-12
        True
        """
        file = check_path(path, "path")
        if file.suffix != ".npz":
            raise InvalidValueError(f"path is {str(file)!r}: expected a name that ends in .npz.")
        content = io.BytesIO()
        arrays: dict[str, Any] = {"mu": self.mean, "sigma": self.covariance}
        np.savez(content, **(arrays if self.n is None else arrays | {"n": np.int64(self.n)}))
        new = file.with_name(f"{file.name}.partial")
        try:
            new.write_bytes(content.getvalue())
            new.replace(file)
        except OSError as error:
            raise InvalidValueError(
                f"cannot write {file} ({error.strerror or error}): choose a file in an existing folder."
            ) from error


def moments(features: Array | Iterable[Array]) -> Moments:
    """The mean and the unbiased covariance of features, in one pass over blocks.

    Two blocks with n_a and n_b rows, means m_a and m_b and sums of squares M_a and M_b about their means combine to

        M = M_a + M_b + (m_b − m_a)(m_b − m_a)ᵀ n_a n_b/(n_a + n_b).

    Each block is centered before it is squared, so a mean that is large compared with the deviations costs no digits.

    Args:
        features: ``(n, *event)``, n >= 2, flattened to ``(n, d)``; or an iterable of such blocks, for instance a
            generator that computes the features of one batch of images at a time. A block may have one row.

    Returns:
        :class:`Moments`, which :func:`frechet_distance` accepts instead of features. Memory is of order d².

    Raises:
        ShapeError: the blocks differ in the shape of a sample, or there are fewer than 2 rows.
        InvalidTypeError: ``features`` is not an array or an iterable of arrays, or a block is not float32 or float64.
        InvalidValueError: a block holds NaN or infinity.

    Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979).

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> whole, parts = moments(x), moments(x[i : i + 7] for i in range(0, 100, 7))
    >>> whole.n, bool(np.allclose(whole.covariance, parts.covariance, rtol=1e-12))
    (100, True)
    """
    n, mean, squares, shape = 0, np.zeros(0), np.zeros((0, 0)), None
    for block in _blocks(features):
        rows = host_batch(block, "features")
        if shape is not None and shape != block.shape[1:]:
            raise ShapeError(
                f"a block of features has samples of shape {tuple(block.shape[1:])}, the blocks before it of shape "
                f"{tuple(shape)}: expected the same."
            )
        shape, k = block.shape[1:], len(rows)
        center = np.mean(rows, axis=0)
        centered = rows - center
        own = centered.T @ centered
        if n == 0:
            mean, squares = center, own
        else:
            apart = center - mean
            squares += own + np.outer(apart, apart) * (n * k / (n + k))
            mean = mean + apart * (k / (n + k))
        n += k
    if n < 2:
        raise ShapeError(f"features has {n} samples: expected at least 2, to compute a covariance.")
    return Moments(mean, squares / (n - 1), n)


def _blocks(features: Any) -> Iterator[Any]:
    if hasattr(features, "shape"):
        check_batch(features, "features")
        for rows in row_blocks(features.shape[0], _ROWS):
            yield features[rows, ...]
    elif isinstance(features, Iterable) and not isinstance(features, (str, bytes)):
        yield from features
    else:
        raise InvalidTypeError(
            f"features is a {describe(features)}: expected an array (n, d), or an iterable of such blocks."
        )


def is_moments(value: Any) -> bool:
    """Whether this argument is not an array of features but moments or the path of a file with moments."""
    return isinstance(value, (tuple, str, os.PathLike))


def as_moments(value: Any, name: str) -> Moments:
    """Checked moments from ``(mean, covariance)``, ``(mean, covariance, n)``, or the path of an ``.npz`` file."""
    if isinstance(value, (str, os.PathLike)):
        file = check_path(value, name)
        return _checked(*_read(file, name), f"{name}, {file},")
    if len(value) not in (2, 3):
        raise InvalidValueError(f"{name} is a tuple of {len(value)}: expected (mean, covariance) or with n as a third.")
    mean, covariance, n = value if len(value) == 3 else (*value, None)
    return _checked(mean, covariance, n, name)


def _checked(mean: Any, covariance: Any, n: Any, name: str) -> Moments:
    mu, sigma = _floats(mean, f"the mean of {name}"), _floats(covariance, f"the covariance of {name}")
    if mu.ndim != 1 or sigma.shape != mu.shape * 2 or not mu.size:
        raise ShapeError(
            f"{name} holds a mean of shape {mu.shape} and a covariance of shape {sigma.shape}: expected (d,) and "
            "(d, d)."
        )
    if not (np.all(np.isfinite(mu)) and np.all(np.isfinite(sigma))):
        raise InvalidValueError(f"{name} holds NaN or infinity: expected finite moments.")
    if np.max(np.abs(sigma - sigma.T)) > _SKEW * np.max(np.abs(sigma)):
        raise InvalidValueError(f"the covariance of {name} is not symmetric: expected a covariance matrix.")
    return Moments(mu, (sigma + sigma.T) / 2, None if n is None else check_count(n, f"n of {name}", minimum=2))


def _floats(value: Any, name: str) -> Any:
    try:
        return np.asarray(host(value) if hasattr(value, "shape") else value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{name} is a {describe(value)}: expected an array of numbers.") from error


def _read(file: Path, name: str) -> tuple[Any, Any, Any]:
    """The arrays mu, sigma and n (None if it is missing) of an ``.npz`` file. Nothing in it is executed."""
    if file.suffix.lower() in (".pkl", ".pickle"):
        raise InvalidTypeError(
            f"{name} is {file}, a pickle, which can execute code when it is read: expected an .npz file. If you trust "
            "the file, load it yourself and pass (mean, covariance) or (mean, covariance, n)."
        )
    try:
        with open_regular(file) as content, zipfile.ZipFile(content) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            if {"mu.npy", "sigma.npy"} - sizes.keys():
                raise InvalidValueError(
                    f"{name} is {file} with {', '.join(sorted(sizes)) or 'no arrays'}: expected the arrays mu and "
                    "sigma. To make such a file from features: sk.metrics.moments(features).save(path)."
                )
            _check_sizes(sizes, f"{name}, {file},")
            arrays = {key: _member(archive, f"{key}.npy") for key in ("mu", "sigma")}
            n = int(_member(archive, "n.npy")) if sizes.get("n.npy", 1 << 10) < 1 << 10 else None
    except FileNotFoundError as error:
        raise InvalidValueError(
            f"{name} is {str(file)!r}, and this file does not exist: expected features, (mean, covariance) or the path "
            "of an .npz file with mu and sigma."
        ) from error
    except (OSError, ValueError, TypeError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(f"{name} is {file}, which cannot be read as an .npz file ({error}).") from error
    return arrays["mu"], arrays["sigma"], n


def _check_sizes(sizes: dict[str, int], where: str) -> None:
    """Refuse a file that would unpack to more than its moments need."""
    d = sizes["mu.npy"] // 4
    if d > 2 * _WIDEST or sizes["sigma.npy"] > 8 * d * d + (1 << 16):
        raise InvalidValueError(
            f"{where} declares {sizes['mu.npy']:,} bytes for mu and {sizes['sigma.npy']:,} for sigma: expected a mean "
            f"(d,) and a covariance (d, d) of at most {_WIDEST:,} features."
        )


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as content:
        return np.lib.format.read_array(content, allow_pickle=False)
