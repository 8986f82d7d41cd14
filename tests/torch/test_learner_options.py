"""What the torch learner offers beyond Adam: other optimizers, parts of batches, mixed precision, layouts, labels."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import scorekit as sk
from scorekit.errors import CheckpointError
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)

torch = pytest.importorskip("torch")
from scorekit_torch import MLP, NCSNv2, UNet, optimizers  # noqa: E402

RNG = sk.backend("torch").rng
X = torch.tensor(np.random.default_rng(0).normal(size=(12, 2)))
IMAGES = torch.tensor(np.random.default_rng(1).uniform(size=(6, 3, 4, 4)), dtype=torch.float32)
TRAINABLE = ["adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "nadam", "radam", "rmsprop"]
TRAINABLE += ["rprop", "sgd"]


def learner(model=None, objective=None, **options):
    options = {"learning_rate": 0.01, "gradient_clip": None, "ema": None} | options
    model = model or MLP(2, hidden=(8,), conditional=False, dtype="float64")
    return sk.backend("torch").learner(model, objective or SlicedScoreMatching(), **options)


def stepped(trained, steps=3, x=X):
    for step in range(steps):
        assert trained.step(x, RNG(step)).applied
    return trained


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


# ---------------------------------------------------------------- optimizers


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_optimizer_is_torchs_own_and_resumes_to_the_same_bits(name):
    """Beside the loop that everybody writes; then out, into a new learner, and on."""
    trained, kind = learner(optimizer=name), {n.lower(): c for n, c in vars(torch.optim).items()}[name]
    plain = MLP(2, hidden=(8,), conditional=False, dtype="float64")
    optimizer = kind(plain.parameters(), lr=0.01)
    for step in range(4):
        optimizer.zero_grad()
        SlicedScoreMatching()(plain, X, rng=RNG(step)).backward()
        optimizer.step()
        trained.step(X, RNG(step))
    for key, value in plain.state_dict().items():
        np.testing.assert_allclose(trained.state_dict()[f"weights.{key}"], value, rtol=1e-9, atol=1e-12)
    other = learner(optimizer=name)
    other.load_state_dict(trained.state_dict())
    assert same(stepped(other).state_dict(), stepped(trained).state_dict())


def test_a_class_and_a_function_with_options():
    def velocity(made):
        return stepped(made).state_dict()["optimizer.momentum_buffer.layers.0.bias"]

    momentum = velocity(learner(optimizer=functools.partial(torch.optim.SGD, momentum=0.9)))
    assert momentum.abs().max() > 0
    assert torch.equal(velocity(learner(optimizer={"name": "sgd", "momentum": 0.9})), momentum)
    assert not any(name.startswith("optimizer") for name in stepped(learner(optimizer=torch.optim.SGD)).state_dict())


def test_a_name_and_its_class_are_one_run(tmp_path):
    def fitted(optimizer, steps):
        net = MLP(2, hidden=(8,), conditional=False, dtype="float64")
        return sk.fit(
            net, SlicedScoreMatching(), X, steps=steps, optimizer=optimizer, rng=0, progress=False, checkpoint=tmp_path
        )

    assert fitted("adam", 2).step == 2
    assert fitted(torch.optim.Adam, 4).step == 4
    with pytest.raises(CheckpointError, match="optimizer was adam, now sgd"):
        fitted(torch.optim.SGD, 6)


def test_sgd_takes_the_gradient_times_the_rate():
    trained, net = learner(optimizer="sgd", learning_rate=0.25), MLP(2, hidden=(8,), conditional=False, dtype="float64")
    SlicedScoreMatching()(net, X, rng=RNG(0)).backward()
    trained.step(X, RNG(0))
    for name, p in net.named_parameters():
        wanted = p - 0.25 * p.grad
        np.testing.assert_allclose(trained.state_dict()[f"weights.{name}"], wanted.detach(), rtol=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "error", "words"),
    [
        ("lbfgs", ValueError, "optimizer LBFGS cannot train with fit: it evaluates the loss several times"),
        (torch.optim.SparseAdam, ValueError, "optimizer SparseAdam cannot train with fit: it takes sparse gradients"),
        ("muon", ValueError, "optimizer Muon cannot train this model .*2D"),
        (functools.partial(torch.optim.SGD, lr=1.0), ValueError, "fixes lr: pass learning_rate"),
        (torch.optim.SGD([torch.nn.Parameter(torch.ones(1))]), TypeError, "holds weights already"),
        (functools.partial(torch.optim.SGD, momentum=-1.0), ValueError, "cannot train this model .*momentum"),
        ({"name": "sgd", "momentun": 0.9}, ValueError, "cannot train this model .*momentun"),
        ({"name": "sdg"}, ValueError, "unknown optimizer 'sdg'"),
        ([], ValueError, r"unknown optimizer \[\]"),
        ({"momentum": 0.9}, ValueError, "unknown optimizer None"),
        ({"name": "sgd", "lr": 0.1}, ValueError, "fixes lr: pass learning_rate"),
        (lambda parameters: 3, TypeError, "optimizer made a int: expected a torch.optim.Optimizer"),
        (3, ValueError, "unknown optimizer 3"),
    ],
)
def test_optimizers_that_cannot_work_are_refused_before_the_first_step(optimizer, error, words):
    with pytest.raises(error, match=words):
        learner(optimizer=optimizer)


class Counting(torch.optim.Optimizer):
    """Momentum with a correction by a count, kept as a plain number: for each parameter, or in the group."""

    def __init__(self, parameters, lr=1e-3, grouped=False):
        super().__init__(parameters, {"lr": lr, "count": 0, "grouped": grouped})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                held = group if group["grouped"] else state
                held["count"] = held.get("count", 0) + 1
                state["scale"] = 0.9 * state.get("scale", 1.0)
                p.add_(p.grad, alpha=-group["lr"] * state["scale"] / held["count"])


def test_plain_numbers_of_an_optimizer_are_resumed_too():
    trained, other = stepped(learner(optimizer=Counting)), learner(optimizer=Counting)
    state = trained.state_dict()
    assert state["optimizer.count.layers.0.bias"].item() == 3
    assert state["optimizer.scale.layers.0.bias"].item() == 0.9 * 0.9 * 0.9
    other.load_state_dict(state)
    assert same(stepped(other).state_dict(), stepped(trained).state_dict())


def test_an_optimizer_whose_groups_change_trains_and_is_not_written():
    trained = stepped(learner(optimizer=functools.partial(Counting, grouped=True)))
    with pytest.raises(TypeError, match=r"Counting keeps what changes as it steps in its param_groups \(count\)"):
        trained.state_dict()


def test_the_state_of_an_optimizer_lies_where_it_keeps_it():
    """The meta device stands for any that is not the host's, from where a checkpoint comes."""
    weight = torch.nn.Parameter(torch.zeros(3, device="meta"))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    there, here = torch.zeros((), device="meta"), torch.tensor(1.0)
    described = {"optimizer.step.w": there, "optimizer.count.w": here, "optimizer.number.w": 0}
    optimizers.restore_optimizer(optimizer, {"w": weight}, dict.fromkeys(described, here), described)
    state = optimizer.state[weight]
    assert (state["step"].device.type, state["count"].device.type, state["number"]) == ("meta", "cpu", 1)


def test_the_state_of_another_optimizer_is_refused_whole():
    trained, other = stepped(learner(optimizer="rmsprop")), stepped(learner())
    before = trained.state_dict()
    with pytest.raises(
        sk.CheckpointError, match=r"12 tensors differ: optimizer.square_avg.*exp_avg.* is not in the model"
    ):
        trained.load_state_dict(other.state_dict())
    assert same(before, trained.state_dict())


# ---------------------------------------------------------------- parts


@pytest.mark.parametrize("parts", [2, 5, 12])
@pytest.mark.parametrize(
    "objective",
    [
        ImplicitScoreMatching(),
        SlicedScoreMatching(projections=2),
        DenoisingScoreMatching(0.3, "control"),
        NoiseConditional(sk.noise.LogUniform(3.0, 0.1), variance_reduction="antithetic"),
    ],
    ids=["ism", "ssm", "dsm", "ncsn"],
)
def test_a_batch_in_parts_gives_the_same_weights(objective, parts):
    """The noise of a sample is the one that it has in the whole batch, so only rounding differs."""
    conditional = isinstance(objective, NoiseConditional)
    make = functools.partial(MLP, 2, hidden=(8,), conditional=conditional, dtype="float64")
    whole, cut = learner(make(), objective), learner(make(), objective, accumulate=parts)
    for step in range(3):
        one, other = whole.step(X, RNG(step)), cut.step(X, RNG(step))
        assert other.loss == pytest.approx(one.loss, rel=1e-12)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-10)
    for name, value in whole.state_dict().items():
        np.testing.assert_allclose(cut.state_dict()[name], value, rtol=1e-8, atol=1e-11)


def test_a_part_that_is_not_finite_undoes_the_whole_step():
    def objective(model, x, rng=None):
        return (model(x) ** 2).sum() / (0 if x[0, 0] == X[9, 0] else 1)

    trained = learner(objective=objective, accumulate=4)
    before = trained.state_dict()
    assert not trained.step(X, RNG(0)).applied
    assert same(before, trained.state_dict())
    assert trained.step(X[:9], RNG(0)).applied


def square(model, x, rng=None):
    return ((model(x) + x) ** 2).mean()


class Moving(torch.nn.Module):
    """A network below a module that counts its passes, in place or by setting another tensor."""

    def __init__(self, in_place):
        super().__init__()
        self.inside, self.in_place = torch.nn.Module(), in_place
        self.inside.register_buffer("passes", torch.zeros(()))
        self.net = MLP(2, hidden=(8,), conditional=False, dtype="float64")

    def forward(self, x):
        if self.in_place:
            self.inside.passes += 1
        else:
            self.inside.passes = self.inside.passes + 1
        return self.net(x) * (1 + 0.1 * self.inside.passes)


@pytest.mark.parametrize("in_place", [True, False])
def test_buffers_are_undone_and_resumed_however_they_change(in_place):
    trained = stepped(learner(Moving(in_place), square))
    before = trained.state_dict()
    assert before["buffers.inside.passes"] == 3
    assert not trained.step(X * float("nan"), RNG(0)).applied
    assert same(trained.state_dict(), before)
    other = learner(Moving(in_place), square)
    other.load_state_dict(before)
    assert same(stepped(other).state_dict(), stepped(trained).state_dict())


def test_parts_have_dropout_masks_of_their_own():
    net = torch.nn.Sequential(torch.nn.Dropout(0.5)).append(torch.nn.Linear(2, 2, bias=False)).double()
    seen = []

    def objective(model, x, rng=None):
        seen.append(model(x).detach())
        return (model(x) ** 2).mean()

    learner(net, objective, accumulate=2).step(torch.ones(40, 2, dtype=torch.float64), RNG(0))
    assert not torch.equal(seen[0], seen[1])


class Drawing(torch.nn.Module):
    """A network with a layer of its own that draws."""

    def __init__(self, layer):
        super().__init__()
        self.into, self.layer, self.out = torch.nn.Linear(2, 8), layer, torch.nn.Linear(8, 2)
        with torch.no_grad():
            for i, p in enumerate([*self.into.parameters(), *self.out.parameters()]):
                p.copy_(torch.linspace(-1, 1 + i, p.numel()).reshape(p.shape))
        self.double()

    def forward(self, x):
        return self.out(self.layer(self.into(x)))


class Attention(torch.nn.MultiheadAttention):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(8, 2, dropout=0.5, batch_first=True)

    def forward(self, h):
        return super().forward(h[:, None], h[:, None], h[:, None])[0][:, 0]


class Functional(torch.nn.Module):
    def forward(self, h):
        return torch.nn.functional.dropout(h, 0.5, self.training)


@pytest.mark.parametrize("layer", [torch.nn.Dropout, torch.nn.RReLU, Attention, Functional])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_whatever_draws_in_a_network_draws_from_the_stream_of_the_step(layer, accumulate):
    """So it resumes, and neither reads nor moves torch's own generators."""

    def trained():
        return learner(Drawing(layer()), square, accumulate=accumulate)

    whole = stepped(trained(), 4).state_dict()
    half, other = stepped(trained(), 2), trained()
    other.load_state_dict(half.state_dict())
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    for step in (2, 3):
        other.step(X, RNG(step))
    assert torch.equal(before, torch.random.get_rng_state())
    assert same(other.state_dict(), whole)


def test_a_network_that_draws_nothing_has_no_generator_seeded(monkeypatch):
    """After the first step, which looks; and what the objective draws does not depend on the look."""
    seen = []

    def drawing(model, x, rng=None):
        seen.append(rng.normal((x.shape[0],)))
        return square(model, x)

    for accumulate in (1, 3):
        trained = learner(Drawing(torch.nn.Dropout(0.0).eval()), drawing, accumulate=accumulate)
        trained.step(X, RNG(0))
        first = torch.cat(seen)
        seen.clear()
        with monkeypatch.context() as forbidden:
            forbidden.setattr(trained._layer_noise, "_seeded", None)
            trained.step(X, RNG(0))
        assert torch.equal(torch.cat(seen), first)
        seen.clear()


# ---------------------------------------------------------------- no graphs, and where none can be


def test_the_validation_keeps_no_graph_and_can_be_differentiated():
    """By scorekit's own derivatives and by an objective's; the model of the result asks for gradients again."""
    seen = []

    def observed(model, x, rng=None):
        z = x.clone().requires_grad_()
        own = torch.autograd.grad(model(z).sum(), z)[0]
        loss = ImplicitScoreMatching()(model, x) + 0 * own.sum()
        seen.append((len(x), loss.requires_grad))
        return loss

    net = MLP(2, hidden=(8,), conditional=False, dtype="float64")
    result = sk.fit(net, observed, X[:8], steps=2, batch_size=4, validation=X[8:11], progress=False)
    assert set(seen) == {(4, True), (3, False)}
    assert all(p.requires_grad for p in result.model.parameters())


def test_nothing_is_trained_in_inference_mode():
    with torch.inference_mode():
        inside = MLP(2, hidden=(8,), conditional=False, dtype="float64")
        with pytest.raises(TypeError, match=r"inside torch.inference_mode\(\): call fit outside"):
            sk.fit(MLP(2, hidden=(8,), conditional=False, dtype="float64"), square, X, steps=1, progress=False)
    with pytest.raises(TypeError, match=r"of the model was made inside torch.inference_mode\(\)"):
        sk.fit(inside, square, X, steps=1, progress=False)


# ---------------------------------------------------------------- precision and layout


class Widths(torch.nn.Module):
    """A convolution that writes down what it is given."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Conv2d(3, 3, 3, padding=1)
        with torch.no_grad():
            self.net.weight.copy_(torch.linspace(-0.3, 0.3, 81).reshape(3, 3, 3, 3))
            self.net.bias.zero_()
        self.seen = []

    def forward(self, x, sigma):
        y = self.net(x)
        self.seen.append((x.dtype, y.dtype, x.is_contiguous(memory_format=torch.channels_last)))
        return y


def _seen(**options):
    """What the network saw in a step, and the loss."""
    facts = []

    def objective(model, x, rng=None):
        loss = NoiseConditional(sk.noise.Geometric(1.0, 0.1, 3))(model, x, rng)
        facts.append((x.dtype, loss.dtype))
        return loss

    trained = learner(Widths(), objective, **options)
    info = trained.step(IMAGES, RNG(0))
    return trained._module.seen[-1], facts[-1], info


def test_autocast_runs_the_network_in_bfloat16_and_nothing_else():
    (given, inside, _), (x, loss), info = _seen(autocast="bfloat16")
    assert (given, inside, x, loss) == (torch.float32, torch.bfloat16, torch.float32, torch.float32)
    exact = _seen()[2]
    assert info.loss == pytest.approx(exact.loss, rel=2**-7)
    assert info.loss != exact.loss


def test_channels_last_changes_the_layout_and_not_the_numbers():
    plain, laid = _seen(), _seen(channels_last=True)
    assert (plain[0][2], laid[0][2]) == (False, True)
    assert laid[2].loss == pytest.approx(plain[2].loss, rel=1e-5)
    assert laid[2].grad_norm == pytest.approx(plain[2].grad_norm, rel=1e-5)


@pytest.mark.parametrize("last", [False, True])
def test_channels_last_reaches_the_inside_of_an_image_network(last):
    levels = sk.noise.Geometric(1.0, 0.1, 3)
    network, seen = UNet(3, base_channels=8, channel_mult=(1, 2), num_res_blocks=1), []
    trained = learner(network, NoiseConditional(levels), channels_last=last)
    inside = trained._module.first
    inside.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    trained.step(torch.zeros(2, 3, 8, 8), RNG(0))
    assert seen[0].is_contiguous(memory_format=torch.channels_last) is last
    assert trained.model.memory_format == (torch.channels_last if last else torch.contiguous_format)
    assert network.memory_format == torch.contiguous_format


@pytest.mark.parametrize("optimizer", ["adam", "adamw", {"name": "sgd", "momentum": 0.9}], ids=str)
def test_a_resumed_run_stands_another_order_in_memory(optimizer):
    """Files hold arrays in C order; torch's fused kernels take for granted that a weight and its moments lie alike."""
    levels, x = sk.noise.Geometric(1.0, 0.1, 3), torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    one, two = (learner(NCSNv2(1, 4), NoiseConditional(levels), optimizer=optimizer) for _ in range(2))
    assert any(not p.is_contiguous() for p in one._module.parameters())
    for k in range(2):
        one.step(x, RNG(k))
    two.load_state_dict({name: value.contiguous() for name, value in one.state_dict().items()})
    for trained in (one, two):
        trained.step(x, RNG(7))
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())


class Steep(torch.nn.Module):
    """A linear score whose gradient in float16 is infinite for a large scale of the loss."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.layer, self.gain, self.calls = torch.nn.Linear(2, 2, bias=False), gain, 0
        self.register_buffer("seen", torch.tensor(0))
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(2))

    def forward(self, x):
        self.calls += 1
        self.seen += int(self.training)
        return self.layer(x) * self.gain


SMALL = torch.tensor(np.random.default_rng(2).normal(size=(64, 2)), dtype=torch.float32)


def test_float16_finds_the_scale_of_the_loss_and_repeats_the_step():
    """NVIDIA/DeepLearningExamples#543: scales from 2¹⁹ down, each with a lost batch. Here no batch is lost."""
    exact = learner(Steep(32.0), DenoisingScoreMatching(0.1), optimizer="sgd", learning_rate=1e-6)
    half = learner(Steep(32.0), DenoisingScoreMatching(0.1), optimizer="sgd", learning_rate=1e-6, autocast="float16")
    one, other = exact.step(SMALL, RNG(0)), half.step(SMALL, RNG(0))
    assert other.applied
    assert other.grad_norm == pytest.approx(one.grad_norm, rel=2e-2)
    state = half.state_dict()
    assert 1 <= float(state["scale.factor"]) < 2**16
    assert int(state["scale.steps"]) == 1
    assert int(state["buffers.seen"]) == 1  # of the passes that were repeated nothing is left


def test_small_gradients_are_not_zero_under_float16():
    """engichang1467/Open-Rig3R#35: without a scale, gradients below 6e-8 are zero."""
    objective = ExplicitScoreMatching(lambda x: x * (1 - 1e-6))
    exact, half = (learner(Steep(), objective, autocast=a) for a in (None, "float16"))
    small = 1e-2 * SMALL
    one, other = exact.step(small, RNG(0)), half.step(small, RNG(0))
    assert one.grad_norm > 0
    assert other.grad_norm > 0
    unscaled = learner(Steep(), objective, autocast="float16")
    unscaled._scale.factor = 1.0
    assert unscaled.step(small, RNG(0)).grad_norm == 0


def test_a_gradient_that_no_scale_makes_finite_is_not_applied():
    """deepinsight/insightface#2262: a scale that falls to 0. Here it stops at 1, and the step is refused."""
    half = learner(Steep(3e4), DenoisingScoreMatching(1e-3), autocast="float16")
    before = half.state_dict()
    info = half.step(1e4 * SMALL, RNG(0))
    after = half.state_dict()
    assert not info.applied
    assert all(torch.equal(after[name], before[name]) for name in before if not name.startswith("scale."))
    assert float(after["scale.factor"]) >= 1


def test_the_scale_grows_after_many_steps():
    from scorekit_torch.equipment import LossScale

    scale = LossScale()
    for _ in range(LossScale.interval):
        assert scale.factor == 2.0**16
        scale.passed()
    assert (scale.factor, scale.steps) == (2.0**17, 0)
    assert scale.lowered()
    assert (scale.factor, scale.steps) == (2.0**16, 0)


def test_a_run_in_float16_resumes_to_the_same_bits(tmp_path):
    def run(steps, autocast="float16", **options):
        return sk.fit(
            Steep(32.0), DenoisingScoreMatching(0.1), SMALL, steps=steps, batch_size=16, progress=False,
            autocast=autocast, **options
        )  # fmt: skip

    whole = run(6).model.state_dict()
    run(6, checkpoint=tmp_path / "a", callbacks=[lambda state: state.step == 3])
    resumed = run(6, checkpoint=tmp_path / "a")
    assert same(resumed.model.state_dict(), whole)
    for start, end in (("float16", None), (None, "float16")):  # another precision is named, and not an error
        place = tmp_path / f"{start}"
        run(3, autocast=start, checkpoint=place)
        with pytest.warns(RuntimeWarning, match=f"autocast was {start}, now {end}"):
            assert run(6, autocast=end, checkpoint=place).step == 6


def test_weights_and_average_stay_in_float32_under_autocast():
    state = stepped(learner(Widths(), DenoisingScoreMatching(0.1), autocast="bfloat16", ema=0.9), x=IMAGES).state_dict()
    assert {v.dtype for n, v in state.items() if n != "steps"} == {torch.float32}


@pytest.fixture
def traced(monkeypatch):
    """The compiler's front and its derivatives, without the C++ behind them, which takes a minute."""
    plain = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: plain(self, backend="aot_eager", **options))
    yield
    torch.compiler.reset()


def test_a_network_is_compiled_for_each_size_of_a_batch(monkeypatch):
    """Sizes that are symbols stop inductor: a last batch that is smaller ended the run."""
    shapes, plain = [], torch.nn.Module.compile

    def seen(graph, inputs):
        shapes.extend(tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor) and x.ndim == 4)
        assert not any(isinstance(x, torch.SymInt) for x in inputs)
        return graph

    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: plain(self, backend=seen, **options))
    trained = learner(Widths(), DenoisingScoreMatching(0.1), compile=True)
    for n in (4, 3, 2):
        trained.step(IMAGES[:1].expand(n, -1, -1, -1).clone(), RNG(0))
    torch.compiler.reset()
    assert {shape[0] for shape in shapes} >= {4, 3, 2}


def test_an_image_network_is_compiled_behind_its_checks(monkeypatch):
    """Wherever it stands: in one graph, which the model that comes out is rid of."""
    graphs, plain = [], torch.compile
    backend = lambda graph, _: graphs.append(graph) or graph  # noqa: E731
    monkeypatch.setattr(torch, "compile", lambda f, **options: plain(f, backend=backend, **options))
    levels, x = sk.noise.Geometric(1.0, 0.1, 3), torch.full((4, 1, 8, 8), 0.5)
    network = sk.models.Preconditioned(NCSNv2(1, 4), 0.5)
    plainly, compiled = (learner(network, NoiseConditional(levels), compile=c) for c in (False, True))
    losses = [trained.step(x, RNG(0)).loss for trained in (plainly, compiled)]
    torch.compiler.reset()
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert len(graphs) == 1
    compiled.model(x, 0.5)
    assert len(graphs) == 1


def test_a_compiled_network_learns_the_same(traced):
    plain = stepped(learner(Widths(), DenoisingScoreMatching(0.1)), x=IMAGES).state_dict()
    compiled = stepped(learner(Widths(), DenoisingScoreMatching(0.1), compile=True), x=IMAGES)
    for name, value in compiled.state_dict().items():
        np.testing.assert_allclose(value, plain[name], rtol=1e-4, atol=1e-6)
    assert isinstance(compiled.model, Widths)


@pytest.mark.parametrize("way", ["divergence", "probed_divergence"])
def test_a_dressed_network_is_asked_what_it_knows_unless_its_precision_changes(way):
    from scorekit_torch import MLP
    from scorekit_torch.equipment import Equipped

    network = MLP(2, hidden=(4,), conditional=False, dtype="float64")
    assert getattr(Equipped(network, None, True, False), way) == getattr(network, way)
    assert not hasattr(Equipped(network, "bfloat16", True, False), way)


def test_a_compiled_network_is_not_differentiated_twice(traced):
    trained = learner(sk.models.at(Widths(), 0.5), compile=True)
    before = trained.state_dict()
    with pytest.raises(TypeError, match=r"the model is compiled .*cannot be differentiated twice"):
        trained.step(IMAGES, RNG(0))
    assert same(before, trained.state_dict())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"autocast": "half"}, "unknown autocast 'half': expected one of None, 'bfloat16', 'float16'"),
        ({"autocast": True}, "unknown autocast True"),
        ({"channels_last": 1}, "unknown channels_last 1"),
        ({"compile": "yes"}, "unknown compile 'yes'"),
        ({"accumulate": 0}, "accumulate must be at least 1"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        learner(**options)


# ---------------------------------------------------------------- labels


class ByClass(torch.nn.Module):
    """s(x) = a level of its own for each class: its ESM optimum is the mean target of the class."""

    classes = 3

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.zeros(3, 2, dtype=torch.float64))

    def forward(self, x, sigma=None, label=None):
        return 0 * x + (self.level.mean(0) if label is None else self.level[label])


LABELS = torch.arange(12) % 3
GIVEN = sk.objectives.ExplicitScoreMatching(lambda x: x)


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("around", [lambda m: m, lambda m: sk.models.at(m, 0.5)], ids=["bare", "view"])
def test_labels_reach_a_network_with_classes(accumulate, around):
    result = sk.fit(
        around(ByClass()),
        GIVEN,
        (X, LABELS),
        steps=400,
        batch_size=12,
        optimizer="sgd",
        learning_rate=1.0,
        ema=None,
        gradient_clip=None,
        progress=False,
        accumulate=accumulate,
    )
    level = getattr(result.model, "model", result.model).level.detach()
    for k in range(3):
        np.testing.assert_allclose(level[k], X[k == LABELS].mean(0), atol=1e-9)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (LABELS[:5], ValueError, r"second item of the data has shape \(5,\) for 12 samples"),
        (LABELS.double(), TypeError, "second item of the data is a .*float64.*3 classes: expected integers"),
        (LABELS.numpy(), TypeError, "got two frameworks"),
    ],
)
def test_labels_that_do_not_fit(labels, error, words):
    with pytest.raises(error, match=words):
        sk.fit(ByClass(), GIVEN, (X, labels), steps=1)
