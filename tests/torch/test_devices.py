"""What goes wrong on another device than the CPU alone, held on the CPU: integers are drawn on the host, say.

The device meta, whose tensors have shapes and no values, stands in for the other one.
"""

from __future__ import annotations

import pytest

import scorekit as sk
from scorekit._catalogue import DENSITIES as CATALOGUE
from scorekit._catalogue import examples
from scorekit.noise._strata import strata

torch = pytest.importorskip("torch")
pytest.importorskip("scorekit_torch")
from scorekit_torch.equipment import LayerNoise  # noqa: E402
from scorekit_torch.random import TorchRng  # noqa: E402

META = torch.empty(1, device="meta", dtype=torch.float32)
LAWS = [sk.noise.Geometric(1.0, 0.1, 4), sk.noise.LogUniform(1.0, 0.1)]  # LogNormal asks the host for its quantiles
DENSITIES = examples(CATALOGUE)


class HostIntegers(TorchRng):
    """A stream as ``sk.rng(0, like=x)`` gives it for ``x`` on a device: integers come from the host."""

    def normal(self, shape, like=None):
        return super().normal(shape).to(like)

    uniform = rademacher = normal


def test_strata_are_made_where_they_are_used():
    assert strata(HostIntegers(0), 6, META).device.type == "meta"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_levels_are_drawn_where_they_are_used(law, monkeypatch):
    monkeypatch.setattr("scorekit_torch.backend.readable", lambda x: False)
    assert law.sample(6, rng=HostIntegers(0), like=META).device.type == "meta"


@pytest.mark.parametrize("density", DENSITIES, ids=lambda density: type(density).__name__)
def test_samples_are_drawn_where_they_are_used(density):
    assert density.sample(6, rng=HostIntegers(0), like=META).device.type == "meta"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_the_objective_of_networks_works_there(law, monkeypatch):
    monkeypatch.setattr("scorekit_torch.backend.readable", lambda x: False)
    monkeypatch.setattr("scorekit.objectives._base.check_batch", lambda x, **options: x)
    monkeypatch.setattr("scorekit.objectives.noise_conditional.refuse_mixed_levels", lambda score, x, sigma: None)
    x = torch.empty(6, 2, device="meta")
    losses = sk.objectives.NoiseConditional(law).losses(lambda x, sigma: -x, x, rng=HostIntegers(0))
    assert losses.device.type == "meta"


def test_one_device_has_one_stream_however_it_is_called():
    """cpu:0 for cpu here; cuda for cuda:0 there. Two generators of one seed would draw the same numbers twice."""
    stream = TorchRng(0, device="cpu:0")
    first = stream.normal((4,))
    second = stream.normal((4,), like=torch.zeros(1))
    assert not torch.equal(first, second)
    assert torch.equal(torch.cat([first, second]), TorchRng(0).normal((8,)))


def test_the_noise_of_layers_starts_one_device_alone(monkeypatch):
    """torch.manual_seed would start those of all other devices too, and nobody puts these back."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("all devices were seeded"))
    before = torch.get_rng_state()
    noise = LayerNoise(torch.device("cpu"))
    drawn = noise.draw(TorchRng(3), 2)
    with noise(drawn):
        first = torch.rand(3)
    with noise(drawn):
        assert torch.equal(first, torch.rand(3))
    assert torch.equal(before, torch.get_rng_state())
