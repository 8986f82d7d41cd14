"""The whole vocabulary of scorekit on one page.

A **score model** is a function ``s(x, sigma)``. An **objective** maps a score model and data to a
loss. A **sampler** moves points with a score model. A **backend** lends an array framework's
derivatives and random numbers to all three; a **learner** holds what changes while training.

What stands here is all that scorekit asks for. Members that may be absent are gathered in protocols of their own,
:class:`Network`, :class:`OptionalLearner` and :class:`Package`: each is read by its name, with the default that its
text gives.

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

    :class:`Network` lists what it may have beside its call.

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
        """Independent standard normals, of this shape, with the dtype and device of ``like``; float64 without it."""
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
    """What one optimizer step did. ``applied`` is False when it was refused for being non-finite."""

    loss: float
    grad_norm: float
    applied: bool


@runtime_checkable
class Learner(Protocol):
    """Parameters, their average and the optimizer's state live here, and only here.

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

        The noise is drawn from ``rng`` for the whole batch, once, and cut: see ``scorekit.learning.draw_for``.

        Args:
            x: samples ``(n, *event)``.
            rng: the stream of this step.
            condition: what a conditional model is told of each sample, first axis n; None for any other.
            start: the place of the first of these samples in the whole batch.
            total: the samples of the whole batch, those of other processes too; None for n.
        """
        ...

    @property
    def model(self) -> ScoreModel:
        """A score model with the averaged weights, independent of later steps."""
        ...

    def state_dict(self) -> dict[str, Array]:
        """All state by name, as arrays: weights, average, the optimizer's, the count of steps. Later steps leave it."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take back what :meth:`state_dict` gave; a mismatch changes nothing and raises."""
        ...


class ProcessGroup(Protocol):
    """The processes that train together; ``rank`` is this one's number, ``size`` how many there are.

    >>> class Alone:
    ...     rank, size = 0, 1
    ...     def any(self, flag):
    ...         return flag
    ...     def check_same(self, what, number):
    ...         pass
    >>> world: World = Alone()
    >>> world.any(True)
    True
    """

    rank: int
    size: int

    def any(self, flag: bool) -> bool:
        """Is it so in any process? All of them ask."""
        ...

    def check_same(self, what: str, number: int) -> None:
        """Raise when the processes disagree about a number; ``what`` names it in the message."""
        ...


class OptionalLearner(Protocol):
    """What a :class:`Learner` may have beside its members; each may be absent.

    >>> from scorekit_numpy import MLP
    >>> import scorekit as sk
    >>> learner = sk.backend("numpy").learner(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1))
    >>> [hasattr(learner, name) for name in ("world", "receive", "settings", "frozen")]
    [False, False, False, False]
    """

    processes: ProcessGroup
    """The processes that it shares its work with. Absent: it trains in one, and a program of several is refused."""

    settings: Mapping[str, str]
    """Options that change the bits of a run and do not make it another one, as text: they are written into checkpoints,
    and a run that resumes with other ones warns. Absent: none."""

    def receive(self, batch: Any) -> Any:
        """``batch``, an array, None or a tuple of these, where the model is, such as its device. Absent: as it is."""
        ...

    def frozen(self) -> ScoreModel:
        """The averaged model, whose weights ask for no gradient; for validation. Absent: ``model`` is taken."""
        ...


@runtime_checkable
class Backend(Protocol):
    """All that an array framework must provide; the array standard supplies the rest.

    >>> import scorekit as sk
    >>> isinstance(sk.backend("numpy"), Backend)
    True
    """

    name: str
    """How ``sk.backend(name)`` and error messages call it; unique among the backends of a process."""

    def owns(self, x: object) -> bool:
        """Is ``x`` an array of this framework, one that it traces too? Asked about objects of any kind."""
        ...

    @property
    def xp(self) -> Any:
        """A namespace of the array standard whose functions take traced arrays, and have derivatives of each order.

        ``xp.asarray`` keeps a traced array traced.
        """
        ...

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """``x`` as an array of this framework, of the same shape; under a tracer too.

        Args:
            x: numbers, nested lists of them, a NumPy array, or an array of this framework, which stays in its graph.
            like: an array of this framework whose dtype and device the result has; without it the backend's own
                defaults, else what ``x`` has.

        Raises ``TypeError`` for what holds no real numbers.
        """
        ...

    def to_numpy(self, x: Array) -> Any:
        """A NumPy array with the values of ``x``, cut from any graph. Not called where ``x`` is not readable."""
        ...

    def readable(self, x: Array) -> bool:
        """Can a value of ``x`` be looked at now?

        False under a tracer, which records operations that run later: in a function that is being compiled, in a graph
        that is being captured. Checks of values (finite? positive?) are left out then. An array that is differentiated
        and computed at once is readable.
        """
        ...

    def rng(self, seed: Seed = None) -> Rng:
        """A new stream. Equal seeds give equal streams, different ones independent streams."""
        ...

    def vjp(self, f: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``, differentiable in what ``f`` closes over.

        Args:
            f: a function of an array shaped like ``x``.
            x: where; the caller's array is not changed and gets no flag.
            v: shaped like ``f(x)``; the second result is shaped like ``x``.
        """
        ...

    def divergence(self, f: Callable[[Array], Array], x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), t)`` with one trace a sample, shape ``(n,)``; differentiable in what ``f`` closes over.

        Args:
            f: maps ``(n, *event)`` to the same shape, each row of the result from its own row of ``x``.
            x: shape ``(n, *event)``.
            probes: None for the exact ``tr J``; of shape ``(m, n, *event)`` for the mean of ``vᵀ J v`` over m probes.

        The backend picks the derivative mode that is fastest here.
        """
        ...

    def grad(self, f: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` for ``f`` with one value a sample, shape ``(n,)``; the gradient is shaped like ``x``.

        It is the gradient of the sum of the values, differentiable in what ``f`` closes over.
        """
        ...

    def no_grad(self) -> AbstractContextManager[None]:
        """Inside, what is computed keeps no graph; derivatives taken inside are right all the same."""
        ...

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """What trains ``model`` for ``objective``.

        ``fit`` passes ``learning_rate``, ``optimizer``, ``gradient_clip`` and ``ema``, and every option of its own call
        that it does not know. Unknown options raise. A backend that cannot train raises ``TypeError``.
        """
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

    def parameters(self) -> dict[str, Array]:
        """The parameters by name, all of one dtype."""
        ...

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """The same model with these parameters, of the same names and shapes; they may be traced."""
        ...


class Network(Protocol):
    """What a network may have beside its call; each may be absent. Views of ``sk.models`` pass through what is inside.

    >>> from scorekit_numpy import MLP
    >>> network = MLP(2, hidden=(4,))
    >>> [hasattr(network, name) for name in ("config", "divergence", "probed_divergence", "classes", "training")]
    [True, True, True, True, False]
    """

    per_sample: bool
    """Does it always get sigma as an array ``(n,)``? False: a float or ``(n,)``, as they come. Absent: True for what
    has ``parameters()``, False for anything else. Read from the class."""

    is_view: bool
    """Does it only call another model, its ``inner``? Then it says with ``uses_sigma`` whether it needs sigma itself.
    Absent: it is no view. Read from the class."""

    takes_condition: bool
    """Was it made to be called with a condition? Absent: its signature tells."""

    classes: int | None
    """How many classes the labels of its condition have, each in [0, classes). Absent or None: it takes no labels."""

    condition_dim: int | None
    """How many numbers a vector of its condition has. Absent or None: it takes no vectors."""

    null_condition: Any
    """The condition of one sample that stands for none, for ``condition_dropout``. Absent: the user gives one."""

    training: bool
    """The mode of a module, which decides what it computes. Absent: it has one mode."""

    def config(self) -> dict[str, Any]:
        """The arguments that make a network of this shape, as plain JSON types. Absent: weights alone are saved."""
        ...

    def divergence(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> tuple[Array, Array]:
        """``(s, tr ∇s)``, of shapes ``(n, *event)`` and ``(n,)``. Absent: :meth:`Backend.divergence` of the call."""
        ...

    def probed_divergence(
        self, x: Array, sigma: Sigma, probes: Array, condition: Array | None = None
    ) -> tuple[Array, Array]:
        """``(s, mean of vᵀ ∇s v)`` over ``probes`` ``(m, n, *event)``. Absent: as for :meth:`divergence`."""
        ...

    def state_dict(self) -> Mapping[str, Array]:
        """Its arrays by name, buffers too, for saving. Absent: those of :meth:`Parametric.parameters`."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> Any:
        """Take such arrays in. Absent: :meth:`Parametric.with_parameters` makes the loaded network."""
        ...

    def to(self, device: Any) -> Any:
        """Move to a device. Absent: it computes where its input is."""
        ...


class Package(Protocol):
    """What the package of a backend may export beside it, in its ``__all__``; each may be absent.

    ``registry.offered(name, what)`` gives it, or None; its networks are exported under their class names, and
    ``registry.provided`` finds them for saved models and experiment files.

    >>> from scorekit.registry import offered
    >>> offered("numpy", "environment")()["autograd"][0].isdigit(), offered("numpy", "ProcessGroup")
    (True, None)
    """

    def environment(self, like: Array | None = None) -> dict[str, str]:
        """What equal bits depend on: versions, threads, the device of ``like``. Absent: versions of scorekit alone."""
        ...

    def devices(self) -> list[str]:
        """A line of text for each device, for ``scorekit doctor``. Absent: none is listed."""
        ...

    def ProcessGroup(self, device: Any) -> Any:  # noqa: N802
        """A :class:`World`, the processes of this program, for arrays on ``device``. Absent: the one that asks."""
        ...

    def seeded(self, seed: Seed) -> AbstractContextManager[None]:
        """Inside, the framework's global generator starts from ``seed``; then it is where it was. Absent: none is."""
        ...

    def seed_generator(self, generator: Any, seed: Seed) -> None:
        """Start a generator of the framework, such as a loader's own, from ``seed``. Absent: loaders have none."""
        ...


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
    def dim(self) -> int:
        """The number d of entries of one sample."""
        ...

    def sample(self, n: int, rng: RngLike = None, like: Array | None = None) -> Array:
        """``n`` independent draws, ``(n, *event)``, with the framework, dtype and device of ``like``."""
        ...

    def log_prob(self, x: Array) -> Array:
        """The log-density log p(x) in nats, ``(n, *event) -> (n,)``."""
        ...

    def score(self, x: Array, sigma: Sigma = None) -> Array:
        """∇ log p_sigma(x), shaped like ``x``, p_sigma the density of x + sigma z with z ~ N(0, I)."""
        ...

    def smoothed(self, sigma: float) -> Distribution:
        """The law of x + sigma z, for sigma > 0."""
        ...
