"""All protocols of scorekit.

A **score model** is a function ``s(x, sigma)``. An **objective** maps a score model and data to a loss. A **sampler**
draws samples with a score model. A **backend** provides the derivatives and random numbers of an array framework. A
**learner** holds the state of training.

scorekit uses no other members of these objects. Optional members are in separate protocols, :class:`Network`,
:class:`OptionalLearner` and :class:`Package`; the text of each member gives the default if it is absent.

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
    "Network",
    "Objective",
    "OptionalLearner",
    "Package",
    "Parametric",
    "ProcessGroup",
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
"""An array of any backend. The array standard has no static type yet, so this alias is only documentation."""

Shape: TypeAlias = tuple[int, ...]
"""The sizes of an array's axes."""

Sigma: TypeAlias = Any
"""A noise level: None (no noise), a positive scalar, or an array of shape ``(n,)``."""

Seed: TypeAlias = int | Sequence[int | str] | None
"""A seed: a nonnegative int, or a sequence of nonnegative ints and strings. Equal seeds give equal streams, different
seeds independent streams (:func:`scorekit.learning.seed_sequence`). None is fresh entropy."""


@runtime_checkable
class ScoreModel(Protocol):
    """A function that returns the score of the data smoothed by ``N(0, sigma² I)``, shaped like ``x``.

    A function of ``x`` alone is a score model too. A conditional model has a third parameter, or a parameter named
    ``condition``.

    A network (any object with ``parameters()``) gets ``sigma`` as an array ``(n,)`` with the dtype and device of ``x``.
    A plain function gets a float if the whole batch has one level, and an array ``(n,)`` if each sample has its own;
    ``sk.expand(sigma, x)`` handles both. ``condition`` is an array whose first axis is n.

    :class:`Network` lists the optional members of a model.

    >>> isinstance(lambda x, sigma=None: -x, ScoreModel)
    True
    """

    def __call__(self, x: Array, sigma: Sigma = None, /) -> Array: ...


@runtime_checkable
class Rng(Protocol):
    """A stream of random numbers of one backend. The results have the dtype and device of ``like``.

    >>> import scorekit as sk
    >>> rng = sk.rng(0)
    >>> kept = rng.state()
    >>> first = rng.normal((3,))
    >>> rng.restore(kept)
    >>> isinstance(rng, Rng), bool((rng.normal((3,)) == first).all())
    (True, True)
    """

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Independent standard normals of shape ``shape``, with dtype and device of ``like``; float64 without it."""
        ...

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Uniform on [0, 1); arguments as for :meth:`normal`."""
        ...

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """-1.0 or 1.0 with probability one half each; arguments as for :meth:`normal`."""
        ...

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high), as int64."""
        ...

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:
        """Indices in [0, n), with probabilities ``p`` (uniform if None), with or without replacement."""
        ...

    def state(self) -> dict[str, Any]:
        """The state of the stream, as plain JSON types."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that :meth:`state` returned."""
        ...

    def spawn(self, n: int) -> Sequence[Rng]:
        """``n`` independent streams; the same seed and the same earlier calls give the same streams."""
        ...


RngLike: TypeAlias = Rng | int | None
"""The type of every argument named ``rng``: an :class:`Rng`, a seed, or None for fresh entropy."""


class StepInfo(NamedTuple):
    """The result of one optimizer step.

    ``applied`` is False if the step was skipped because the loss or the gradient is not finite, or for the ``reason``.
    """

    loss: float
    grad_norm: float
    applied: bool
    reason: str = ""


@runtime_checkable
class Learner(Protocol):
    """The state of training: parameters, their EMA and the state of the optimizer.

    >>> import numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> learner = sk.backend("numpy").learner(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1))
    >>> isinstance(learner, Learner), learner.step(np.ones((8, 2)), sk.rng(0)).applied
    (True, True)
    """

    def step(
        self, x: Array, rng: Rng, *, condition: Array | None = None, start: int = 0, total: int | None = None
    ) -> StepInfo:
        """Make one optimizer step; if the loss, the gradient or a buffer is not finite, change nothing.

        The noise is drawn from ``rng`` once for the whole batch; see ``scorekit.learning.draw_for``.

        Args:
            x: samples ``(n, *event)``.
            rng: the random stream of this step.
            condition: the condition of each sample, first axis n; None for an unconditional model.
            start: the index of the first of these samples in the whole batch.
            total: the size of the whole batch, over all processes; None for n.

        Returns:
            The loss of the batch, the norm of the gradient before clipping, and whether the step was applied.
        """
        ...

    @property
    def model(self) -> ScoreModel:
        """A score model with the EMA weights; later steps do not change it."""
        ...

    def state_dict(self) -> dict[str, Array]:
        """Copies of all state by name: weights, EMA, state of the optimizer and number of steps."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load a state from :meth:`state_dict`; a mismatch raises ``CheckpointError`` and changes nothing."""
        ...


class ProcessGroup(Protocol):
    """The processes that train together. ``rank`` is the index of this process, ``size`` their number.

    >>> class Alone:
    ...     rank, size = 0, 1
    ...     def any(self, flag):
    ...         return flag
    ...     def check_same(self, what, number):
    ...         pass
    >>> processes: ProcessGroup = Alone()
    >>> processes.any(True)
    True
    """

    rank: int
    size: int

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is True in any process; all processes must call it."""
        ...

    def check_same(self, what: str, number: int) -> None:
        """Raise an error if ``number`` differs between processes; ``what`` names it in the message."""
        ...


class OptionalLearner(Protocol):
    """Optional members of a :class:`Learner`.

    >>> from scorekit_numpy import MLP
    >>> import scorekit as sk
    >>> learner = sk.backend("numpy").learner(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1))
    >>> [hasattr(learner, name) for name in ("processes", "receive", "settings", "frozen")]
    [False, False, False, False]
    """

    processes: ProcessGroup
    """The processes that train together. Absent: training in several processes raises an error."""

    settings: Mapping[str, str]
    """Options that change numerical results but do not define the run, as text. They are saved in checkpoints, and
    resuming with different options warns. Absent: none."""

    def receive(self, batch: Any) -> Any:
        """``batch``, an array, None or a tuple of these, moved to the device of the model. Absent: it is not moved."""
        ...

    def match(self, x: Array) -> None:
        """Give the weights the dtype of ``x``, before the first step. Absent: they keep their dtype."""
        ...

    def frozen(self) -> ScoreModel:
        """The EMA model without gradients, for validation. Absent: ``model`` is used."""
        ...


@runtime_checkable
class Backend(Protocol):
    """The operations of an array framework that are not in the array standard.

    >>> import scorekit as sk
    >>> isinstance(sk.backend("numpy"), Backend)
    True
    """

    name: str
    """The name for ``sk.backend(name)`` and error messages; unique among the backends of a process."""

    def owns(self, x: object) -> bool:
        """Whether ``x``, an object of any type, is an array of this framework, including traced arrays."""
        ...

    @property
    def xp(self) -> Any:
        """A namespace of the array standard whose functions accept traced arrays and are differentiable at any order.

        ``xp.asarray`` keeps a traced array traced.
        """
        ...

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """``x`` as an array of this framework with the same shape; also under a tracer.

        Args:
            x: a number, nested lists of numbers, a NumPy array, or an array of this framework, whose graph is kept.
            like: an array of this framework whose dtype and device the result has. Without it, the defaults of the
                backend apply, or else the dtype and device of ``x``.

        Raises:
            TypeError: ``x`` does not consist of real numbers.
        """
        ...

    def to_numpy(self, x: Array) -> Any:
        """A NumPy array with the values of ``x``, without its graph. Called only if ``x`` is readable."""
        ...

    def readable(self, x: Array) -> bool:
        """Whether the values of ``x`` can be read now.

        False under a tracer that records operations to run later, as in compilation or the capture of a CUDA graph.
        Checks of values (finite, positive) are then skipped. An array that is differentiated eagerly is readable.
        """
        ...

    def rng(self, seed: Seed = None) -> Rng:
        """A new random stream. Equal seeds give equal streams, different seeds independent streams."""
        ...

    def vjp(self, f: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``, differentiable in the variables that ``f`` closes over.

        Args:
            f: a function of an array shaped like ``x``.
            x: the point; the caller's array and its flags are not changed.
            v: shaped like ``f(x)``; the second result is shaped like ``x``.
        """
        ...

    def divergence(self, f: Callable[[Array], Array], x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), t)`` with the trace t of each sample, shape ``(n,)``; differentiable in what ``f`` closes over.

        The backend chooses the fastest derivative mode.

        Args:
            f: maps ``(n, *event)`` to the same shape; row i of the result depends only on row i of ``x``.
            x: shape ``(n, *event)``.
            probes: None for the exact ``tr J``; of shape ``(m, n, *event)`` for the mean of ``vᵀ J v`` over m probes.
        """
        ...

    def grad(self, f: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` for ``f`` with one value per sample, shape ``(n,)``; the gradient is shaped like ``x``.

        It is the gradient of the sum of the values, differentiable in what ``f`` closes over.
        """
        ...

    def no_grad(self) -> AbstractContextManager[None]:
        """A context manager that disables gradient graphs; derivatives computed inside are still correct."""
        ...

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """A learner that trains ``model`` with ``objective``.

        ``fit`` passes ``learning_rate``, ``optimizer``, ``gradient_clip``, ``ema`` and all options that it does not
        use itself.

        Raises:
            TypeError: an option is unknown, or the backend cannot train this model.
        """
        ...


@runtime_checkable
class Parametric(Protocol):
    """A score model with explicit parameters, which a functional backend can train.

    ``with_parameters`` returns a new model of the same class and does not change the old one.

    >>> from scorekit_numpy import MLP
    >>> network = MLP(2, hidden=(4,))
    >>> zeros = {name: 0 * value for name, value in network.parameters().items()}
    >>> isinstance(network, Parametric), network is network.with_parameters(zeros)
    (True, False)
    """

    def parameters(self) -> dict[str, Array]:
        """The parameters by name, all of one dtype."""
        ...

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """The same model with new parameters of the same names and shapes; they may be traced."""
        ...


class Network(Protocol):
    """Optional members of a network. The views of ``sk.models`` use the members of the network that they wrap.

    >>> from scorekit_numpy import MLP
    >>> network = MLP(2, hidden=(4,))
    >>> [hasattr(network, name) for name in ("config", "divergence", "probed_divergence", "classes", "training")]
    [True, True, True, True, False]
    """

    per_sample: bool
    """Whether sigma is always passed as an array ``(n,)``; if False, it is passed unchanged, as a float or ``(n,)``.
    Absent: True if the model has ``parameters()``, else False. Read from the class."""

    is_view: bool
    """Whether it is a view that calls another model. Absent: False. Read from the class."""

    inner: Any
    """For a view, the model that it calls."""

    uses_sigma: bool
    """For a view, whether it needs sigma itself; if False, it takes sigma if ``inner`` does."""

    has_units: bool
    """For a view, whether ``inner`` is a model of standardized x, as in ``sk.models.standardized``; it then has
    ``to_standard(x)`` and ``from_standard(u)``. Absent: False. Read from the class."""

    trained_levels: tuple[float, float] | None
    """The smallest and the largest noise level of its training, ``(sigma_min, sigma_max)``. ``fit`` sets it on the
    network of its result, and saving keeps it. Samplers warn if their noise levels are outside. Absent or None: they
    are unknown, or it was trained without noise."""

    takes_sigma: bool
    """Whether it takes a noise level. Absent: this is read from its signature."""

    takes_condition: bool
    """Whether it takes a condition. Absent: this is read from its signature."""

    classes: int | None
    """The number of classes of its labels, which are in [0, classes). Absent or None: it takes no labels."""

    condition_dim: int | None
    """The dimension of its condition vectors. Absent or None: it takes no vectors."""

    null_condition: Any
    """The condition of one sample that means no condition, for ``condition_dropout``. Absent: the user passes it."""

    training: bool
    """The mode of a module, training or evaluation. Absent: there is only one mode."""

    def config(self) -> dict[str, Any]:
        """The constructor arguments, as plain JSON types. Absent: only the weights are saved."""
        ...

    def divergence(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> tuple[Array, Array]:
        """``(s, tr ∇s)``, shapes ``(n, *event)`` and ``(n,)``. Absent: :meth:`Backend.divergence` is used."""
        ...

    def probed_divergence(
        self, x: Array, sigma: Sigma, probes: Array, condition: Array | None = None
    ) -> tuple[Array, Array]:
        """``(s, mean of vᵀ ∇s v)`` over ``probes`` ``(m, n, *event)``. Absent: as for :meth:`divergence`."""
        ...

    def state_dict(self) -> Mapping[str, Array]:
        """Its arrays by name, with buffers, for saving. Absent: :meth:`Parametric.parameters` is used."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> Any:
        """Load arrays from :meth:`state_dict`. Absent: :meth:`Parametric.with_parameters` is used."""
        ...

    def to(self, device: Any) -> Any:
        """Move to a device. Absent: the network runs on the device of its input."""
        ...


class Package(Protocol):
    """Optional exports of a backend's package, in its ``__all__``.

    ``registry.offered(name, what)`` returns an export, or None. Networks are exported under their class names;
    ``registry.provided`` finds them for saved models and experiment files.

    >>> from scorekit.registry import offered
    >>> offered("numpy", "environment")()["autograd"][0].isdigit(), offered("numpy", "ProcessGroup")
    (True, None)
    """

    def environment(self, like: Array | None = None) -> dict[str, str]:
        """The versions, threads and device of ``like`` that equal bits depend on. Absent: only scorekit's version."""
        ...

    def devices(self) -> list[str]:
        """One line of text per device, for ``scorekit doctor``. Absent: no device is listed."""
        ...

    def ProcessGroup(self, device: Any) -> Any:  # noqa: N802
        """The :class:`ProcessGroup` of this program, for arrays on ``device``. Absent: a single process."""
        ...

    def seeded(self, seed: Seed) -> AbstractContextManager[None]:
        """A context manager that seeds the framework's global generator and restores it. Absent: there is none."""
        ...

    def seed_generator(self, generator: Any, seed: Seed) -> None:
        """Seed a generator of the framework, for example of a data loader. Absent: loaders have no generator."""
        ...


@runtime_checkable
class Objective(Protocol):
    """A loss for score models; its random numbers are an argument.

    ``sampling_levels`` is optional: the largest and the smallest noise level at which a trained model is called, or
    ``(None,)`` for a model without noise levels. ``fit`` evaluates the model at them before the first step.

    ``as_seen(x)`` is optional: the data as the model gets them, for an objective that transforms them. ``fit`` compares
    their scale with the noise levels. Absent: ``x``. ``takes_trace`` is optional: whether the losses contain a
    derivative of the score with respect to ``x``. ``fit`` then raises an error for a score whose derivatives jump
    (ReLU). Absent: False.

    >>> import scorekit as sk
    >>> isinstance(sk.objectives.ImplicitScoreMatching(), Objective)
    True
    """

    def draw(self, x: Array, rng: RngLike = None) -> Any:
        """Draw all random numbers that the losses of ``x`` need: a NamedTuple of arrays, batch axis first.

        None for a deterministic objective. The result does not depend on the values of ``x``.
        """
        ...

    def losses(
        self, model: ScoreModel, x: Array, rng: RngLike = None, *, noise: Any = None, condition: Any = None
    ) -> Array:
        """The loss of each sample, shape ``(n,)``; with ``noise`` from :meth:`draw`, a pure function."""
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
    """An algorithm that draws samples with a score model.

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
    def dim(self) -> int:
        """The dimension d of one sample."""
        ...

    def sample(self, n: int, rng: RngLike = None, like: Array | None = None) -> Array:
        """``n`` independent samples, ``(n, *event)``, with the framework, dtype and device of ``like``."""
        ...

    def log_prob(self, x: Array) -> Array:
        """The log-density log p(x) in nats, ``(n, *event) -> (n,)``."""
        ...

    def score(self, x: Array, sigma: Sigma = None) -> Array:
        """∇ log p_sigma(x), shaped like ``x``, p_sigma the density of x + sigma z with z ~ N(0, I)."""
        ...

    def smoothed(self, sigma: float) -> Distribution:
        """The distribution of x + sigma z with z ~ N(0, I), for sigma > 0."""
        ...
