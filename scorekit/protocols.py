"""The whole vocabulary of scorekit on one page.

A **score model** is a function ``s(x, sigma)``. An **objective** maps a score model and data to a
loss. A **sampler** moves points with a score model. A **backend** lends an array framework's
derivatives and random numbers to all three; a **learner** holds what changes while training.

Shapes: ``x`` is ``(n, *event)``, ``sigma`` is None, a scalar or ``(n,)``, a per-sample value is ``(n,)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

__all__ = [
    "Array",
    "Backend",
    "Distribution",
    "Learner",
    "Objective",
    "Parametric",
    "Rng",
    "RngLike",
    "Sampler",
    "ScoreModel",
    "Seed",
    "Shape",
    "Sigma",
    "StepInfo",
]

Array: TypeAlias = Any
"""An array of any backend. The array standard has no static type yet, so this is documentation."""

Shape: TypeAlias = tuple[int, ...]
"""The sizes of an array's axes."""

Sigma: TypeAlias = Any
"""A noise level: None (no noise), a positive scalar, or an array of shape ``(n,)``."""

Seed: TypeAlias = int | Sequence[int | str] | None
"""What a backend's ``rng`` takes: a non-negative int, or a sequence of such ints and texts. Equal seeds give equal
streams, different ones independent streams (:func:`scorekit.learning.seed_sequence`). None is fresh entropy."""


@runtime_checkable
class ScoreModel(Protocol):
    """A function that returns the score of the data smoothed by ``N(0, sigma² I)``, shaped like ``x``.

    A function of ``x`` alone is a score model too; nothing else is asked of it. A conditional model has a third
    parameter, or one that is called ``condition``.

    How it is called: a network (anything with ``parameters()``) gets ``sigma`` as an array ``(n,)`` with the dtype
    and device of ``x``. A plain function gets a float where one level is shared by the batch, and ``(n,)`` where each
    sample has its own: ``sk.expand(sigma, x)`` is right for both. ``condition`` is an array whose first axis is n.

    What it may have beside its call:

    - ``per_sample: bool`` on its class: True asks for ``(n,)`` always, False takes either form.
    - ``divergence(x, sigma, condition=None) -> (s, tr ∇s)``, the exact trace ``(n,)`` by a way of its own;
      ``probed_divergence(x, sigma, probes, condition=None) -> (s, mean of vᵀ ∇s v)``.
    - ``classes: int`` or ``condition_dim: int``: which conditions it takes; ``null_condition``: the condition of one
      sample that stands for none.
    - ``training: bool``: the mode of a module.

    >>> isinstance(lambda x, sigma=None: -x, ScoreModel)
    True
    """

    def __call__(self, x: Array, sigma: Sigma = None, /) -> Array: ...


@runtime_checkable
class Rng(Protocol):
    """A stream of random numbers of one backend. ``like`` gives dtype and device.

    >>> import scorekit as sk
    >>> rng = sk.rng(0)
    >>> kept = rng.state()
    >>> first = rng.normal((3,))
    >>> rng.restore(kept)
    >>> isinstance(rng, Rng), bool((rng.normal((3,)) == first).all())
    (True, True)
    """

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Independent standard normals."""
        ...

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Uniform on [0, 1)."""
        ...

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """-1.0 or 1.0 with probability one half each."""
        ...

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high), as int64."""
        ...

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:
        """Indices in [0, n), with probabilities ``p``; without replacement when asked."""
        ...

    def state(self) -> dict[str, Any]:
        """All that is needed to continue, as plain JSON types."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`state` returned."""
        ...

    def spawn(self, n: int) -> Sequence[Rng]:
        """``n`` independent streams; the same ones for the same history."""
        ...


RngLike: TypeAlias = Rng | int | None
"""What every argument named ``rng`` takes: an :class:`Rng`, a seed, or None for fresh entropy."""


class StepInfo(NamedTuple):
    """What one optimiser step did. ``applied`` is False when it was refused for being non-finite."""

    loss: float
    grad_norm: float
    applied: bool


@runtime_checkable
class Learner(Protocol):
    """Parameters, their average and the optimiser's state live here, and only here.

    >>> import numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> learner = sk.backend("numpy").learner(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1))
    >>> isinstance(learner, Learner), learner.step(np.ones((8, 2)), sk.rng(0)).applied
    (True, True)
    """

    def step(
        self, x: Array, rng: Rng, *, condition: Array | None = None, start: int = 0, total: int | None = None
    ) -> StepInfo:
        """One optimizer step, all of it or (if loss or gradient are not finite) nothing.

        ``x`` are the samples from ``start`` on of a batch of ``total`` (None: all of it), ``condition`` what belongs
        to them. The noise is drawn from ``rng`` for the whole batch, once, and cut: see ``scorekit.learning``.
        """
        ...

    @property
    def model(self) -> ScoreModel:
        """A score model with the averaged weights, independent of later steps."""
        ...

    def state_dict(self) -> dict[str, Array]:
        """All state by name, as arrays."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take back what :meth:`state_dict` gave; a mismatch changes nothing and raises."""
        ...


@runtime_checkable
class Backend(Protocol):
    """All that an array framework must provide; the array standard supplies the rest.

    >>> import scorekit as sk
    >>> isinstance(sk.backend("numpy"), Backend)
    True
    """

    name: str

    def owns(self, x: object) -> bool:
        """Does this array belong to this framework?"""
        ...

    @property
    def xp(self) -> Any:
        """An array-API namespace that is differentiable here."""
        ...

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """An array of this framework, with the dtype and device of ``like``."""
        ...

    def to_numpy(self, x: Array) -> Any:
        """A NumPy array with the values of ``x``, cut from any graph."""
        ...

    def rng(self, seed: Seed = None) -> Rng:
        """A new stream. Equal seeds give equal streams, different ones independent streams."""
        ...

    def vjp(self, f: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``, differentiable in what ``f`` closes over."""
        ...

    def jvp(self, f: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), J v)``, differentiable in what ``f`` closes over."""
        ...

    def divergence(self, f: Callable[[Array], Array], x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), t)`` with one trace a sample, shape ``(n,)``.

        Without ``probes`` the exact ``tr J``; with ``probes`` of shape ``(m, n, *event)`` the mean
        of ``vᵀ J v`` over the m probes. The backend picks the derivative mode that is fastest here.
        """
        ...

    def grad(self, f: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` for ``f`` with one value a sample, shape ``(n,)``."""
        ...

    def no_grad(self) -> AbstractContextManager[None]:
        """Keep no tape inside."""
        ...

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """A faster ``f`` where the framework has a compiler, ``f`` itself elsewhere."""
        ...

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """What trains ``model`` for ``objective``."""
        ...


@runtime_checkable
class Parametric(Protocol):
    """A score model that knows its parameters: what a functional backend can train.

    ``with_parameters`` returns a new model of the same kind and changes nothing.

    >>> from scorekit_numpy import MLP
    >>> network = MLP(2, hidden=(4,))
    >>> zeros = {name: 0 * value for name, value in network.parameters().items()}
    >>> isinstance(network, Parametric), network is network.with_parameters(zeros)
    (True, False)
    """

    def parameters(self) -> dict[str, Array]: ...

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self: ...


@runtime_checkable
class Objective(Protocol):
    """A loss over score models, whose random numbers are an argument.

    ``sampling_levels`` may be absent: the noise levels at which a trained model will be called, the largest and the
    smallest, or ``(None,)`` for a model without levels. ``fit`` tries them before the first step.

    >>> import scorekit as sk
    >>> isinstance(sk.objectives.ImplicitScoreMatching(), Objective)
    True
    """

    def draw(self, x: Array, rng: RngLike = None) -> Any:
        """All random numbers that the losses of ``x`` need: a NamedTuple of arrays with the samples' axis first.

        None for an objective that draws nothing. The values of ``x`` do not count.
        """
        ...

    def losses(
        self, model: ScoreModel, x: Array, rng: RngLike = None, *, noise: Any = None, condition: Any = None
    ) -> Array:
        """One loss a sample, shape ``(n,)``; with ``noise`` from :meth:`draw` a pure function of its arguments."""
        ...

    def __call__(
        self,
        model: ScoreModel,
        x: Array,
        rng: RngLike = None,
        weights: Array | None = None,
        *,
        noise: Any = None,
        condition: Any = None,
    ) -> Array:
        """The mean of the losses, weighted by ``weights`` of shape ``(n,)``: a scalar array."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """A way of moving points with a score model.

    >>> import scorekit as sk
    >>> isinstance(sk.samplers.Langevin(0.1, steps=10), Sampler)
    True
    """

    def sample(self, model: ScoreModel, x0: Array, rng: RngLike = None, **options: Any) -> Any: ...

    def iterate(self, model: ScoreModel, x0: Array, rng: RngLike = None) -> Iterator[Any]: ...


@runtime_checkable
class Distribution(Protocol):
    """A density whose score is known exactly at every noise level.

    >>> import scorekit as sk
    >>> isinstance(sk.distributions.Gaussian([0.0], [[1.0]]), Distribution)
    True
    """

    @property
    def dim(self) -> int: ...

    def sample(self, n: int, rng: RngLike = None, like: Array | None = None) -> Array: ...

    def log_prob(self, x: Array) -> Array: ...

    def score(self, x: Array, sigma: Sigma = None) -> Array: ...

    def smoothed(self, sigma: float) -> Distribution: ...
