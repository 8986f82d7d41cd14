"""Tensors that objectives, samplers, distributions, metrics and fit cannot take: each says why and what to type."""

from __future__ import annotations

import warnings

import pytest

import scorekit as sk
from scorekit.noise import Geometric

torch = pytest.importorskip("torch")

X = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
LEVELS = Geometric(1.0, 0.1, 3)
MIXTURE = sk.distributions.GaussianMixture([0.3, 0.7], [[0.0, 0.0], [1.0, 1.0]], 0.5)
CURVE = sk.distributions.Banana()


def score(x, sigma=None):
    return -x


CALLS = {
    "ESM": lambda x: sk.objectives.ExplicitScoreMatching(MIXTURE)(score, x),
    "ISM": lambda x: sk.objectives.ImplicitScoreMatching()(score, x),
    "SSM": lambda x: sk.objectives.SlicedScoreMatching()(score, x, rng=0),
    "DSM": lambda x: sk.objectives.DenoisingScoreMatching(0.3)(score, x, rng=0),
    "NCSN": lambda x: sk.objectives.NoiseConditional(LEVELS)(score, x, rng=0),
    "Langevin": lambda x: sk.samplers.Langevin(0.1, 3).sample(score, x, rng=0).x,
    "annealed": lambda x: sk.samplers.AnnealedLangevin(LEVELS, 2, 0.01).sample(score, x, rng=0).x,
    "log_prob": lambda x: MIXTURE.log_prob(x),
    "score": lambda x: MIXTURE.score(x, 0.3),
    "curve": lambda x: CURVE.score(x, 0.3),
    "denoise": lambda x: sk.models.denoise(score, x, 0.3),
    "score_error": lambda x: sk.metrics.score_error(score, MIXTURE, x).esm,
    "sliced_wasserstein": lambda x: sk.metrics.sliced_wasserstein(x, x, rng=0),
    "mmd": lambda x: sk.metrics.mmd(x, x),
    "mode_weights": lambda x: sk.metrics.mode_weights(x, MIXTURE),
    "fit": lambda x: sk.fit(
        torch.nn.Linear(2, 2, dtype=torch.float64),
        sk.objectives.DenoisingScoreMatching(0.3),
        x,
        steps=1,
        progress=False,
    ),
}


def _quantized():
    with warnings.catch_warnings():  # torch is about to drop them
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(X.float(), 0.1, 0, torch.qint8)


BAD = {
    "float16": (
        lambda: X.half(),
        TypeError,
        r"dtype torch\.float16, in which small noise .*\.float\(\); a model may use",
    ),
    "bfloat16": (
        lambda: X.bfloat16(),
        TypeError,
        r"dtype torch\.bfloat16, in which small noise .* Convert it: \w+\.float",
    ),
    "float8": (lambda: X.to(torch.float8_e4m3fn), TypeError, r"dtype torch\.float8_e4m3fn, in which small noise"),
    "complex": (lambda: X + 0j, TypeError, r"dtype torch\.complex128: expected a real floating dtype.*\.double\(\)"),
    "integers": (lambda: X.long(), TypeError, r"dtype torch\.int64: expected a real floating dtype.*\.double\(\)"),
    "booleans": (lambda: X > 0, TypeError, r"dtype torch\.bool: expected a real floating dtype"),
    "sparse": (lambda: X.to_sparse(), TypeError, r"not a dense array: write x\.to_dense\(\)"),
    "quantized": (_quantized, TypeError, r"not a dense array: write x\.dequantize\(\)"),
    "meta": (lambda: X.to("meta"), TypeError, "is on the meta device, where arrays have no values"),
    "no samples": (lambda: X[:0], ValueError, r"shape \(0, 2\): expected at least one sample"),
    "no features": (lambda: X[:, :0], ValueError, r"shape \(6, 0\): expected at least one sample and one feature"),
    "one axis": (lambda: X[:, 0], ValueError, r"shape \(6,\): expected \(n, …\).*\[:, None\]"),
    "NaN": (lambda: X / 0 * 0, ValueError, "holds NaN or infinity in 6 of 6 rows"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_refused_at_every_door(call, kind):
    make, error, words = BAD[kind]
    with pytest.raises(error, match=words) as caught:
        CALLS[call](make())
    assert isinstance(caught.value, sk.ScorekitError)


@pytest.mark.parametrize("made", [lambda: X.half(), lambda: X.long(), lambda: X + 0j])
def test_nothing_is_made_like_a_type_that_is_refused(made):
    for make in (
        lambda like: MIXTURE.sample(3, rng=0, like=like),
        lambda like: sk.samplers.initial(LEVELS, (3, 2), rng=0, like=like),
    ):
        with pytest.raises(TypeError, match="like has dtype torch"):
            make(made())


def test_why_half_width_data_are_refused():
    """At x = 3 neighbors in bfloat16 are 2⁻⁶ apart: noise of σ = 0.005 is lost whole, and with it what DSM learns."""
    x = torch.full((1000,), 3.0, dtype=torch.bfloat16)
    noise = 0.005 * torch.randn(1000, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert ((x + noise) == x).float().mean() > 0.85


# ---------------------------------------------------------------- two arrays that do not belong together

NUMPY, META = X.numpy(), X.to("meta")
MIXED = {
    "weights": lambda other: sk.objectives.ImplicitScoreMatching()(score, X, weights=other[:, 0]),
    "sigma": lambda other: MIXTURE.score(X, other[:, 0]),
    "model": lambda other: sk.objectives.ImplicitScoreMatching()(lambda x: other, X),
    "model, noisy": lambda other: sk.objectives.DenoisingScoreMatching(0.3)(lambda x: other, X, rng=0),
    "sampler": lambda other: sk.samplers.Langevin(0.1, 2).sample(lambda x: other, X, rng=0),
    "denoise": lambda other: sk.models.denoise(lambda x, sigma: other, X, 0.3),
    "metric": lambda other: sk.metrics.score_error(lambda x: other, MIXTURE, X),
    "mmd": lambda other: sk.metrics.mmd(X, other),
    "sliced_wasserstein": lambda other: sk.metrics.sliced_wasserstein(X, other, rng=0),
    "wasserstein": lambda other: sk.metrics.wasserstein(X, other),
    "validation": lambda other: sk.fit(
        torch.nn.Linear(2, 2, dtype=torch.float64), score, X, steps=1, validation=other, progress=False
    ),
}


@pytest.mark.parametrize(
    ("other", "words"),
    [(NUMPY, r"got two frameworks\. Convert one: sk\.backend_of\("), (META, "got two devices|is on the meta device")],
    ids=["numpy", "meta"],
)
@pytest.mark.parametrize("call", MIXED)
def test_two_frameworks_or_devices_in_one_call(call, other, words):
    with pytest.raises(TypeError, match=words) as caught:
        MIXED[call](other)
    assert isinstance(caught.value, sk.ScorekitError)


def test_a_network_elsewhere_is_told():
    from scorekit_torch import MLP

    with pytest.raises(TypeError, match=r"x is a .* on cpu, weights a .* on meta: .*got two devices"):
        MLP(2, conditional=False).to("meta")(X)


# ---------------------------------------------------------------- tensors that look odd and are fine


def _inference():
    with torch.inference_mode():
        return X * 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "make",
    [
        lambda: X.clone().requires_grad_(),
        lambda: X.T.contiguous().T,
        lambda: X.repeat(1, 2)[:, ::2],
        lambda: torch.stack([torch.zeros_like(X), X], dim=-1).view(6, 2, 2)[..., 1],
        lambda: torch.nn.Parameter(X.clone()),
        lambda: torch.view_as_complex(torch.stack([X, -X], dim=-1)).conj().imag,
        _inference,
    ],
    ids=["requires_grad", "transposed", "repeated", "strided", "parameter", "negated view", "made in inference mode"],
)
def test_what_is_a_batch_all_the_same(call, make):
    x = make()
    plain = x.detach().clone()
    CALLS[call](x)
    assert torch.equal(x.detach(), plain)
    assert getattr(x, "grad", None) is None


def test_a_sampler_returns_states_without_a_graph():
    for call in ("Langevin", "annealed"):
        assert not CALLS[call](X.clone().requires_grad_()).requires_grad


def test_a_loss_differentiates_with_respect_to_data_that_ask_for_it():
    """½ |s|² - d for s = -x: the gradient is x / n."""
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(CALLS["ISM"](x), x)
    torch.testing.assert_close(gradient, X / 6, rtol=1e-12, atol=0)


def test_inference_mode_leaves_no_room_for_derivatives():
    with (
        torch.inference_mode(),
        pytest.raises(TypeError, match=r"inside torch\.inference_mode\(\): use torch\.no_grad"),
    ):
        CALLS["ISM"](X)
    with torch.inference_mode():
        assert CALLS["Langevin"](X).shape == X.shape


def test_a_nested_tensor_is_told_how_to_become_rows():
    nested = torch.nested.nested_tensor([X[0], X[1]], layout=torch.jagged)
    with pytest.raises(TypeError, match=r"write x\.to_padded_tensor\(0\.0\)"):
        MIXTURE.log_prob(nested)
