"""Networks on images: formulas, derivatives, conditions, precision, storage, refusals."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
from scorekit_torch import NCSN, NCSNv2, UNet  # noqa: E402
from scorekit_torch.networks.initial import Draws, start  # noqa: E402
from scorekit_torch.networks.levels import Condition  # noqa: E402
from scorekit_torch.networks.normalization import InstanceNormPlus  # noqa: E402
from scorekit_torch.networks.resampling import HalvingConv, Resample  # noqa: E402
from scorekit_torch.networks.residual import Attention, GroupNorm, SigmaEmbedding, Style  # noqa: E402
from support import plain_images  # noqa: E402

LEVELS = [1.0, 0.3, 0.1]
UNETS = {
    "plain": {},
    "ddpm": {"block": "ddpm", "embedding": "positional", "skip_rescale": False},
    "ddpm, fir": {"block": "ddpm", "fir": True},
    "residual": {"fir": True, "progressive_input": "residual", "divide_by_sigma": True, "rescale": True},
    "means": {"progressive_input": "residual", "attention": ()},
    "skips": {"fir": True, "progressive_input": "input_skip", "progressive_output": "output_skip"},
    "levels": {"noise": LEVELS, "embedding": "positional"},
}


def unet(**options):
    """A network whose output is not nearly zero, as it is at first."""
    options = {
        "channels": 1,
        "base_channels": 8,
        "channel_mult": (1, 2),
        "num_res_blocks": 1,
        "precision": "float64",
    } | options
    net = UNet(**options)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.1 * sk.rng(p.numel(), like=p).normal(tuple(p.shape), like=p.detach())
    return net


def ncsn(channels=1, **options):
    return NCSN(channels, LEVELS, **{"base_channels": 4, "precision": "float64"} | options)


def ncsnv2(channels=1, **options):
    return NCSNv2(channels, **{"base_channels": 4, "precision": "float64"} | options)


MAKERS = {"NCSN": ncsn, "NCSNv2": ncsnv2, "UNet": unet}
EVERY = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def images(channels=1, side=8, n=2, dtype=torch.float64, seed=0):
    like = torch.zeros(1, dtype=dtype)
    return sk.rng(seed, like=like).uniform((n, channels, side, side), like=like)


# ---------------------------------------------------------------- formulas


TOLD = {
    "label": ({"classes": 2}, torch.tensor([2, 0])),
    "vector": ({"condition_dim": 2}, torch.tensor([[0.5, -3.0], [0.0, 2.0]], dtype=torch.float64)),
}
EACH_CONDITION = pytest.mark.parametrize(("options", "told"), TOLD.values(), ids=TOLD)


@EACH_CONDITION
def test_instance_norm_plus_is_its_formula(options, told):
    layer = InstanceNormPlus(3, levels=2, **options).double()
    start(layer, Draws(0, torch.float64, "layer"))
    x, level = images(3, 4), torch.tensor([1, 0])
    ours = layer(x, Condition(level, told)).detach().numpy()
    rows = layer.weight[level]
    rows = (rows + (layer.class_weight[told] if told.ndim == 1 else told @ layer.condition_weight)).detach().numpy()
    for i in range(2):
        gamma, alpha, beta = rows[i].reshape(3, 3)
        pixels = x[i].numpy().reshape(3, 16)
        means = pixels.mean(axis=1)
        contrast = (means - means.mean()) / np.sqrt(means.var(ddof=1) + 1e-5)
        standard = (pixels - means[:, None]) / np.sqrt(pixels.var(axis=1, ddof=0) + 1e-5)[:, None]
        expected = gamma[:, None] * (standard + (alpha * contrast)[:, None]) + beta[:, None]
        np.testing.assert_allclose(ours[i].reshape(3, 16), expected, atol=1e-12)


@EACH_CONDITION
def test_an_embedding_is_its_formula(options, told):
    layer = SigmaEmbedding(4, "fourier", 2.0, options.get("classes"), options.get("condition_dim")).double()
    start(layer, Draws(0, torch.float64, "layer"))
    t = torch.tensor([0.3, -1.0], dtype=torch.float64)
    phase = 2 * np.pi * t[:, None] * layer.frequencies
    features = torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)
    inner = features @ layer.linear1.weight.T + layer.linear1.bias
    h = (inner * torch.sigmoid(inner)) @ layer.linear2.weight.T + layer.linear2.bias
    h = h + (layer.class_weight[told] if told.ndim == 1 else told @ layer.tell.weight.T + layer.tell.bias)
    np.testing.assert_allclose(layer(t, told).detach(), (h * torch.sigmoid(h)).detach(), atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 30.0, -1e4])
def test_instance_norm_plus_stands_a_mean_far_from_zero(offset):
    """Squares of what is far from zero cancel: without care their mean less the squared mean is wrong, or negative."""
    narrow, wide = InstanceNormPlus(3), InstanceNormPlus(3).double()
    for layer, dtype in ((narrow, torch.float32), (wide, torch.float64)):
        start(layer, Draws(0, dtype, "layer"))
    x = images(3, 32, dtype=torch.float32) + offset
    ours, expected = narrow(x, Condition(0, None)), wide(x.double(), Condition(0, None))
    assert (ours - expected).abs().max() < 1e-4
    flat = torch.full((1, 3, 8, 8), offset).requires_grad_()
    assert torch.isfinite(torch.autograd.grad(narrow(flat, Condition(0, None)).sum(), flat)[0]).all()


def test_instance_norm_plus_rounds_to_half_precision_once():
    """The means of 4,096 pixels may lie closer together than half precision tells two of the pixels."""
    layer, wide = InstanceNormPlus(8), InstanceNormPlus(8).double()
    start(layer, Draws(0, torch.float32, "layer"))
    wide.load_state_dict(layer.state_dict())
    x = (images(8, 64, n=4, dtype=torch.float32) + 0.005 * torch.arange(8)[:, None, None]).bfloat16()
    ours, expected = layer(x, Condition(0, None)), wide(x.double(), Condition(0, None))
    assert ours.dtype == torch.bfloat16
    assert ((ours - expected).abs() < 2**-8 * expected.abs() + 1e-5).all()


def test_instance_norm_plus_stands_an_outlier_at_any_pixel():
    layer, wide = InstanceNormPlus(3), InstanceNormPlus(3).double()
    for each, dtype in ((layer, torch.float32), (wide, torch.float64)):
        start(each, Draws(0, dtype, "layer"))
    for pixel in (0, 17):
        x = images(3, 64, dtype=torch.float32)
        x.flatten(2)[:, :, pixel] = 1e3
        assert (layer(x, Condition(0, None)) - wide(x.double(), Condition(0, None))).abs().max() < 0.05


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 12), (4, 4)])
@pytest.mark.parametrize("make", [ncsn, ncsnv2])
def test_the_fast_form_gives_what_the_plain_one_gives(make, channels, side):
    net, x = make(channels), images(channels, side)
    sigma = torch.tensor([1.0, 0.1], dtype=torch.float64)
    expected = plain_images.score(net, x, sigma)
    assert (net(x, sigma) - expected).abs().max() < 1e-10 * expected.abs().max()


def test_the_output_of_ncsnv2_is_divided_by_sigma():
    net, x = ncsnv2(), images()
    assert torch.equal(4 * net(x, 4.0), net(x, 1.0))
    assert torch.equal(net(x, torch.tensor([2.0, 0.5], dtype=x.dtype))[1], 2 * net(x, 1.0)[1])


def test_ncsn_has_weights_for_each_level_and_is_not_divided_by_sigma():
    net, x = ncsn(), images()
    alone = [net(x, sigma) for sigma in LEVELS]
    assert (alone[0] - alone[1]).abs().max() > 1e-3
    mixed = net(x, torch.tensor([0.1, 1.0], dtype=x.dtype))
    assert torch.allclose(mixed, torch.stack([alone[2][0], alone[0][1]]), atol=1e-12)
    rounded = torch.tensor([0.1, 0.3], dtype=torch.float32).double()
    assert torch.allclose(net(x, rounded), torch.stack([alone[2][0], alone[1][1]]), atol=1e-12)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if "norm" in name:
                p.copy_(p[:1].clone())
    assert torch.allclose(net(x, 1.0), net(x, 0.1), atol=1e-12)


def test_resizing_with_the_filter():
    layer = Resample(fir=True).double()
    start(layer, Draws(0, torch.float64, "layer"))
    x = images(2, 6)
    taps = np.array([1, 3, 3, 1]) / 8
    halves, doubles = np.zeros((6, 3)), np.zeros((6, 12))
    for i in range(6):
        for k in range(4):
            if i - k + 1 >= 0 and (i - k + 1) % 2 == 0 and (i - k + 1) // 2 < 3:
                halves[i, (i - k + 1) // 2] = taps[k]
            if 0 <= 2 * i + k - 1 < 12:
                doubles[i, 2 * i + k - 1] = 2 * taps[k]
    for made, matrix in ((layer.halve(x), halves), (layer.enlarge(x), doubles)):
        np.testing.assert_allclose(made, np.einsum("nchw,hi,wj->ncij", x.numpy(), matrix, matrix), atol=1e-13)


@pytest.mark.parametrize("fir", [False, True])
def test_a_halving_convolution_keeps_the_values_of_a_flat_image(fir):
    layer = HalvingConv(1, 1, fir).double()
    start(layer, Draws(0, torch.float64, "layer"))
    with torch.no_grad():
        layer.conv.weight.fill_(1 / 9)
    made = layer(torch.ones(1, 1, 8, 8, dtype=torch.float64))
    assert made.shape == (1, 1, 4, 4)
    assert torch.allclose(made[:, :, 1:-1, 1:-1], torch.ones(2, 2, dtype=torch.float64))


def test_attention_is_torchs_own():
    layer = Attention(8, Style(8, "biggan", False, "none", False, 0.0)).double()
    start(layer, Draws(0, torch.float64, "layer"))
    with torch.no_grad():
        layer.out.weight.normal_(generator=torch.Generator().manual_seed(0))
    x = images(8, 4)
    h = layer.norm(x)
    q, k, v = (project(h).flatten(2).transpose(1, 2) for project in (layer.query, layer.key, layer.value))
    attended = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
    assert torch.allclose(layer(x), x + layer.out(attended), atol=1e-12)


# ---------------------------------------------------------------- a score model


@EVERY
@pytest.mark.parametrize("channels", [1, 3])
def test_each_network_is_a_score_model(make, channels):
    sk.testing.check_score_model(make(channels=channels), images(channels), 0.3)


@pytest.mark.parametrize("options", UNETS.values(), ids=UNETS)
def test_every_kind_of_unet_is_a_score_model_that_sees_sigma(options):
    net = unet(**options)
    x = images()
    sk.testing.check_score_model(net, x, 0.3)
    assert net(x, 0.3).sub(net(x, 1.0)).abs().max() > 1e-3 * net(x, 1.0).abs().max()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_what_is_normalized_and_its_gradient_lie_in_memory_as_the_images_do(layout):
    layer = InstanceNormPlus(3).double()
    start(layer, Draws(0, torch.float64, "layer"))
    x = images(3).contiguous(memory_format=layout).requires_grad_()
    y = layer(x, Condition(0, None))
    assert y.is_contiguous(memory_format=layout)
    assert torch.autograd.grad(y.pow(3).sum(), x)[0].is_contiguous(memory_format=layout)


@EVERY
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own
def test_forward_mode_is_reverse_mode(make):
    net, x, v = make(), images(), images(seed=1)
    pushed = torch.func.jvp(lambda z: net(z, 1.0), (x,), (v,))[1]
    pulled = torch.func.vjp(lambda z: net(z, 1.0), x)[1](v)[0]
    assert torch.allclose((pushed * v).sum(), (pulled * v).sum(), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_network_is_told_sigma_as_wide_as_its_images():
    net, x = unet(), images()
    expected = net(x, 0.3)
    net.compile(dynamic=False, backend="eager")
    assert torch.allclose(net(x, 0.3), expected, rtol=1e-12, atol=1e-14)
    torch.compiler.reset()


@pytest.mark.parametrize(
    "make", [pytest.param(ncsn, marks=pytest.mark.slow), pytest.param(ncsnv2, marks=pytest.mark.slow), unet]
)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's compiler looks at it
def test_a_network_is_compiled_in_one_piece_behind_its_checks(make):
    graphs, net, x = [], make(precision="float32"), images(dtype=torch.float32)
    expected = [net(x, sigma) for sigma in (1.0, 0.1)]
    net.compile(dynamic=False, backend=lambda graph, _: graphs.append(graph) or graph)
    made = [net(x, sigma) for sigma in (1.0, 0.1)]  # another level needs no other graph
    assert torch.allclose(torch.stack(made), torch.stack(expected), atol=1e-6)
    assert len(graphs) == 1
    with pytest.raises(ValueError, match="sigma must be"):
        net(x, -1.0)
    assert torch.equal(copy.deepcopy(net)(x, 0.1), expected[1])
    assert len(graphs) == 1
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.slow
@pytest.mark.parametrize("make", [ncsn, ncsnv2])
def test_what_is_written_for_the_compiler_is_the_same_network(make):
    """Its own pooling, its own ELU in half precision; gradients too, where no two pixels are equal."""
    x = images(dtype=torch.float32)
    for precision, near in (("float32", 1e-5), ("bfloat16", 0.1)):
        values = []
        for compiled in (False, True):
            net = make(precision=precision, base_channels=8)
            if compiled:
                net.compile(dynamic=False, backend="aot_eager")
            y = net(x, 1.0)
            y.square().sum().backward()
            values.append(torch.cat([y.detach().flatten(), *(p.grad.flatten() for p in net.parameters())]))
        assert (values[1] - values[0]).norm() < near * values[0].norm()
    torch.compiler.reset()


@EVERY
def test_second_derivatives(make):
    net = make(base_channels=8) if make is unet else make(base_channels=2)
    x = images(side=4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: net(x, 1.0), x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: net(x, 1.0), x, fast_mode=True)


@EVERY
def test_the_sliced_loss_has_the_right_gradient_in_the_parameters(make):
    net, x, loss = make(), images(), sk.objectives.SlicedScoreMatching()
    model = sk.models.at(net, 1.0)
    parameters = [p for p in net.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(model, x, sk.rng(1, like=x)), parameters, materialize_grads=True)
    directions = [sk.rng(i, like=p).normal(tuple(p.shape), like=p.detach()) for i, p in enumerate(parameters)]
    along = sum((g * v).sum() for g, v in zip(gradients, directions, strict=True))
    values = []
    for step in (1e-7, -2e-7):
        with torch.no_grad():
            for p, v in zip(parameters, directions, strict=True):
                p += step * v
        values.append(float(loss(model, x, sk.rng(1, like=x)).detach()))
    assert float(along) == pytest.approx((values[0] - values[1]) / 2e-7, rel=1e-4)


@EVERY
def test_the_exact_trace_and_its_gradient(make):
    """Under a batched derivative that is differentiated again, where some of torch's functions fail."""
    net, x, backend = make(), images(side=4), sk.backend("torch")
    trace = backend.divergence(lambda x: net(x, 1.0), x)[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: net(x, 1.0).sum(0), x).reshape(16, 2, 16)
    expected = torch.stack([jacobian[:, i].trace() for i in range(2)])
    assert torch.allclose(trace, expected, atol=1e-10)
    parameter = next(p for p in net.parameters() if p.requires_grad)
    assert torch.isfinite(torch.autograd.grad(trace.sum(), parameter)[0]).all()


def test_group_norm_is_torchs_own():
    layer = GroupNorm(8).double()
    with torch.no_grad():
        layer.weight.copy_(torch.arange(8.0))
        layer.bias.copy_(torch.arange(8.0) - 2)
    x = images(8, 4)
    expected = torch.nn.functional.group_norm(x, 2, layer.weight, layer.bias, eps=1e-6)
    assert torch.allclose(layer(x), expected, atol=1e-12)


@EVERY
def test_memory_formats_and_samples_apart_give_equal_values(make):
    net, x = make(channels=3), images(3)
    whole = net(x, 1.0)
    assert torch.allclose(net(x.contiguous(memory_format=torch.channels_last), 1.0), whole, atol=1e-12)
    assert torch.allclose(torch.cat([net(row[None], 1.0) for row in x]), whole, atol=1e-12)
    assert net(images(3, 12)[..., :8], 1.0).shape == (2, 3, 12, 8)


@EVERY
def test_half_precision_inside_keeps_float32_outside(make):
    wide, narrow = (make(base_channels=16, precision=precision) for precision in ("float32", "bfloat16"))
    x = images(dtype=torch.float32)
    expected = wide(x, 1.0)
    made = narrow(x, 1.0)
    made.sum().backward()
    assert made.dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in narrow.parameters())
    assert all(p.grad.dtype == torch.float32 for p in narrow.parameters() if p.requires_grad)
    with torch.autocast("cpu", torch.bfloat16):
        outside = wide(x, 1.0)
    assert outside.dtype == torch.float32
    for rounded in (made, outside):
        assert 0 < (rounded - expected).norm() / expected.norm() < 0.05


def test_dropout_is_for_training():
    net, x = unet(dropout=0.5), images()
    assert torch.equal(net.eval()(x, 1.0), net(x, 1.0))
    with torch.random.fork_rng():
        assert not torch.equal(net.train()(x, 1.0), net(x, 1.0))


def test_a_preconditioned_unet_starts_as_the_gaussian_and_trains():
    model = sk.models.Preconditioned(UNet(1, 8, (1, 2), 1, precision="float64"), 0.5)
    x = images()
    assert torch.allclose(model(x, 0.3), -x / (0.5**2 + 0.3**2), atol=1e-4)
    loss = sk.objectives.NoiseConditional(sk.noise.LogUniform(1.0, 0.1))
    learner = sk.backend("torch").learner(model, loss)
    steps = [learner.step(x, sk.rng(0, like=x)) for _ in range(5)]
    assert all(step.applied for step in steps)
    assert steps[-1].loss < steps[0].loss


# ---------------------------------------------------------------- classes


@EVERY
def test_a_label_is_a_condition_of_its_own_sample(make):
    net, x = make(classes=3), images(n=3)
    free = net(x, 1.0, torch.full((3,), net.null_condition))
    labeled = net(x, 1.0, torch.tensor([0, 2, 2]))
    assert (labeled - free).abs().amax((1, 2, 3)).min() > 1e-6
    other = net(x, 1.0, torch.tensor([1, 2, 2]))
    assert (other - labeled)[0].abs().max() > 1e-6
    assert torch.allclose(other[1:], labeled[1:], atol=1e-12)
    sk.testing.check_score_model(lambda x, sigma: net(x, sigma, torch.ones(len(x), dtype=torch.int32)), x, 0.3)


@EVERY
def test_a_vector_is_a_condition_of_its_own_sample(make):
    net, x = make(condition_dim=2), images(n=3)
    vectors = torch.tensor([[0.5, -1.0], [2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    told, free = net(x, 1.0, vectors), net(x, 1.0, torch.zeros(3, 2, dtype=torch.float64))
    assert (told - free)[:2].abs().amax((1, 2, 3)).min() > 1e-6
    assert torch.allclose(told[2:], free[2:], atol=1e-12)
    assert net.null_condition == [0.0, 0.0]
    sk.testing.check_score_model(sk.models.condition(net, vectors), x, 0.3)
    with pytest.raises(sk.ShapeError, match=r"condition has shape \(3, 3\): expected \(3, 2\)"):
        net(x, 1.0, torch.ones(3, 3, dtype=torch.float64))
    with pytest.raises(TypeError, match="expected real numbers"):
        net(x, 1.0, torch.ones(3, 2, dtype=torch.int64))


@EVERY
@pytest.mark.parametrize(
    ("label", "kind", "words"),
    [
        (torch.zeros(2), TypeError, "the condition is a .*: expected integers"),
        (torch.zeros(2, dtype=torch.bool), TypeError, "the condition is a .*: expected integers"),
        (torch.zeros(3, dtype=torch.int64), sk.ShapeError, r"the condition has shape \(3,\): expected \(2,\)"),
        (torch.tensor([0, 4]), ValueError, "labels from 0 to 4: expected classes from 0 to 2, or 3 for no condition"),
        (None, ValueError, "made with classes=3, and called without a condition"),
        (torch.tensor([-1, 0]), ValueError, "labels from -1 to 0"),
        (np.zeros(2, dtype=int), TypeError, "frameworks"),
    ],
)
def test_labels_that_are_refused(make, label, kind, words):
    with pytest.raises(kind, match=words):
        make(classes=3)(images(), 1.0, label)


@EVERY
def test_a_label_for_a_network_without_classes(make):
    with pytest.raises(TypeError, match="takes no condition, but one was passed"):
        make()(images(), 1.0, torch.tensor([0, 0]))


# ---------------------------------------------------------------- weights


@EVERY
def test_weights_come_from_the_seed_alone(make):
    before = torch.random.get_rng_state()
    first, again, other = make(rng=3, classes=2), make(rng=3, classes=2), make(rng=4, classes=2)
    assert torch.equal(before, torch.random.get_rng_state())
    for (name, a), b in zip(first.named_parameters(), again.parameters(), strict=True):
        assert torch.isfinite(a).all()
        assert torch.equal(a, b), name
    assert any(not torch.equal(a, c) for a, c in zip(first.parameters(), other.parameters(), strict=True))
    assert make(rng=sk.rng(0))(images(), 1.0).shape == (2, 1, 8, 8)


@torch.no_grad()
def test_first_weights_have_the_published_spread():
    refine = NCSN(3, LEVELS, 64)
    bound = (64 * 9) ** -0.5
    conv = refine.net.encoder[0].conv1
    for values in (conv.weight, conv.bias):
        assert 0.9 * bound < values.abs().max() <= bound
    gamma, alpha, beta = refine.net.norm.weight.chunk(3, dim=1)
    for values in (gamma, alpha):
        assert float(values.mean()) == pytest.approx(1, abs=0.02)
        assert float(values.std()) == pytest.approx(0.02, rel=0.3)
    assert not beta.any()
    net = UNet(3, 64, fourier_scale=16.0)
    fan = 64 * 9
    assert float(net.down[0].blocks[0].conv1.weight.std()) == pytest.approx((2 / (2 * fan)) ** 0.5, rel=0.05)
    assert float(net.head.conv.weight.detach().abs().max()) < 1e-4
    assert float(net.embed.frequencies.std()) == pytest.approx(16, rel=0.5)
    assert not net.embed.frequencies.requires_grad


@pytest.mark.parametrize(
    "net",
    [
        NCSN(1, sk.noise.Geometric(1.0, 0.1, 3), 4, classes=2),
        NCSNv2(1, 4, precision="bfloat16"),
        UNet(1, 8, (1, 2), 1, noise=LEVELS, embedding="positional"),
        UNet(1, 8, (1, 2), 1, (), fir=True, classes=2),
    ],
    ids=lambda net: type(net).__name__,
)
def test_a_network_comes_back_with_the_same_bits(tmp_path, net):
    x = images(dtype=torch.float32)
    sk.save(sk.models.Preconditioned(net, 0.5), tmp_path / "model")
    again = sk.load(tmp_path / "model")
    told = None if net.classes is None else torch.zeros(len(x), dtype=torch.int64)
    assert torch.equal(again(x, 1.0, told), sk.models.Preconditioned(net, 0.5)(x, 1.0, told))
    assert repr(again.net) == repr(net)
    assert json.loads(json.dumps(net.config())) == net.config()


def test_a_long_levels_is_short_in_print():
    shown = repr(NCSN(1, sk.noise.Geometric(10.0, 0.1, 100), 2))
    assert "noise=[10.0, …, 0.1] of 100" in shown


# ---------------------------------------------------------------- refusals


@EVERY
@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 8), r"x has shape \(2, 8\): expected images \(n, c, h, w\)"),
        ((0, 1, 8, 8), "at least one"),
        ((2, 3, 8, 8), "expected 1 channels, those of this network"),
        ((2, 8, 8, 1), r"The channels come second: x.permute\(0, 3, 1, 2\)"),
        ((2, 1, 8, 9), "images of 8x9: expected sides that are multiples of 2 and at least 4"),
        ((2, 1, 2, 8), "at least 4"),
    ],
)
def test_images_that_are_refused(make, shape, words):
    with pytest.raises(sk.ShapeError, match=words):
        make()(torch.zeros(shape, dtype=torch.float64), 1.0)


@pytest.mark.parametrize(("depth", "sides"), [(4, 2), (5, 4), (6, 8)])
def test_what_sides_must_be_multiples_of(depth, sides):
    for net in (ncsn(depth=depth), ncsnv2(depth=depth)):
        assert net.divisor == sides
        assert net(images(side=2 * sides), 1.0).shape == (2, 1, 2 * sides, 2 * sides)


@EVERY
def test_a_network_asks_for_sigma(make):
    with pytest.raises(ValueError, match="conditional on sigma, got None"):
        make()(images())
    with pytest.raises(TypeError, match=r"expected one framework\. Convert x: torch\.as_tensor"):
        make()(np.zeros((2, 1, 8, 8)), 1.0)


@pytest.mark.parametrize("net", [ncsn(), unet(noise=LEVELS)], ids=["NCSN", "UNet"])
def test_a_sigma_that_is_no_level(net):
    for sigma in (0.5, torch.tensor([1.0, 0.5], dtype=torch.float64)):
        with pytest.raises(
            ValueError, match=r"sigma 0.5 is not a noise level of this network: expected one of 1, 0.3, 0.1"
        ):
            net(images(), sigma)
    with pytest.raises(ValueError, match=r"expected one of 10, 9\.5.*, …, 0\.1"):
        NCSN(1, sk.noise.Geometric(10.0, 0.1, 100), 2, precision="float64")(images(), 20.0)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: NCSNv2(5), ValueError, "channels is 5: expected 1 to 4"),
        (lambda: NCSNv2(1, base_channels=1), ValueError, "base_channels must be at least 2"),
        (lambda: NCSNv2(1, depth=7), ValueError, "depth is 7: expected 4, 5, 6 stages"),
        (lambda: NCSNv2(1, precision="half"), ValueError, "unknown precision 'half'"),
        (lambda: NCSNv2(1, rescale=2), ValueError, "unknown rescale 2"),
        (lambda: NCSNv2(1, classes=0), ValueError, "classes must be at least 1"),
        (lambda: NCSN(1, 0.5), TypeError, "noise is 0.5: expected noise levels"),
        (lambda: NCSN(1, [0.1, 1.0]), ValueError, "levels must descend"),
        (lambda: UNet(1, 10), ValueError, "base_channels is 10: expected a multiple of 4"),
        (lambda: UNet(1, channel_mult=2), TypeError, r"channel_mult is 2: expected a sequence of integers"),
        (lambda: UNet(1, channel_mult=()), ValueError, "channel_mult is empty"),
        (
            lambda: UNet(1, attention=(3,)),
            ValueError,
            r"attention is \(3,\): expected sizes from 0, the full one, to 2",
        ),
        (lambda: UNet(1, block="resnet"), ValueError, "unknown block 'resnet': expected one of 'biggan', 'ddpm'"),
        (lambda: UNet(1, progressive_input="sum"), ValueError, "unknown progressive_input 'sum'"),
        (lambda: UNet(1, fir=1), ValueError, "unknown fir 1"),
        (lambda: UNet(1, dropout=1.0), ValueError, r"dropout is 1.0: expected a proportion in \[0, 1\)"),
        (lambda: UNet(1, fourier_scale=0.0), ValueError, "fourier_scale must be positive"),
        (lambda: UNet(1, rng=-1), ValueError, "rng must be a non-negative seed"),
    ],
)
def test_arguments_that_are_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()
