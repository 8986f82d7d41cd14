"""Networks with their input and output scaled for the score at each noise level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from scorekit._arrays import as_sigma, check_batch, expand
from scorekit._checks import check_option, check_positive
from scorekit._score import evaluate
from scorekit.learning.views import View
from scorekit.models.tweedie import required_sigma
from scorekit.protocols import Array, Sigma
from scorekit.registry import array_namespace

__all__ = ["Preconditioned"]


@dataclass(frozen=True, repr=False)
class Preconditioned(View):
    """A network F, scaled to the magnitude of a score at every noise level.

    With ``w = sigma_data² + sigma²``:

    - ``"edm"``: ``s = −x / w + sigma_data / (sigma √w) · F(x / √w, sigma)``. This equals (D − x)/sigma² for the
      denoiser D = c_skip x + c_out F(c_in x) of Karras et al. (2022), without cancellation.
      The optimum for N(0, sigma_data² I) is F = 0.
    - ``"ncsn"``: ``s = F(x, sigma) / sigma`` (Song and Ermon 2020, Technique 3).
    - ``"none"``: ``s = F(x, sigma)``.

    Args:
        net: F(x, sigma), shaped like ``x``.
        sigma_data: root mean square of the entries of the data (their standard deviation about zero), > 0.
        kind: ``"edm"``, ``"ncsn"`` or ``"none"``.

    Raises:
        ValueError: ``sigma_data`` is not positive and finite, or ``kind`` is unknown; when called with ``"edm"`` or
            ``"ncsn"``, sigma is None.
        TypeError: ``net`` is not callable.

    References: Karras, Aittala, Aila, Laine, Elucidating the Design Space of Diffusion-Based Generative Models,
    2022, arXiv:2206.00364. Song, Ermon, Improved Techniques for Training Score-Based Generative Models, 2020,
    arXiv:2006.09011.

    >>> import numpy as np
    >>> model = Preconditioned(lambda x, sigma: 0 * x, sigma_data=1.0)
    >>> model(np.array([[2.0]]), 1.0).tolist()
    [[-1.0]]
    """

    _inner: ClassVar[str] = "net"
    net: Callable[..., Array]
    sigma_data: float
    kind: Literal["edm", "ncsn", "none"] = "edm"

    def __post_init__(self) -> None:
        self.check_inner(a_score=False)
        check_option(self.kind, "kind", ("edm", "ncsn", "none"))
        object.__setattr__(self, "sigma_data", check_positive(self.sigma_data, "sigma_data"))

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        check_batch(x, finite=False)
        if self.kind == "none":
            return evaluate(self.net, x, as_sigma(sigma, x), condition, "net")
        checked = required_sigma(sigma, x, f"preconditioning of kind {self.kind!r}")
        level = expand(checked, x)
        if self.kind == "ncsn":
            return evaluate(self.net, x, checked, condition, "net") / level
        width = level**2 + self.sigma_data**2
        root = width**0.5 if isinstance(width, float) else array_namespace(x).sqrt(width)
        output = evaluate(self.net, x / root, checked, condition, "net")
        return output * (self.sigma_data / (level * root)) - x / width
