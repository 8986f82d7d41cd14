"""Torch's generators start from the whole of a seed, wherever one is started."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from scorekit.errors import MissingBackendError  # noqa: E402
from scorekit.training.sources import open_source  # noqa: E402
from scorekit_torch import seed_generator, seeded  # noqa: E402
from scorekit_torch.equipment import LayerNoise  # noqa: E402
from scorekit_torch.random import TorchRng, _fresh_state  # noqa: E402


def _words(generator):
    """The Mersenne Twister's: after manual_seed(s) the first is s and the others follow from it."""
    _, place, count = _fresh_state()
    return generator.get_state().numpy().view(np.uint64)[place : place + count]


def _of_32_bits(generator):
    words = _words(generator)
    return np.array_equal(words, _words(torch.Generator().manual_seed(int(words[0]))))


def test_manual_seed_fills_the_state_from_32_bits():
    assert _of_32_bits(torch.Generator().manual_seed(7))
    one, other = (torch.Generator().manual_seed(seed) for seed in (7, 7 + 2**32))
    assert torch.equal(torch.rand(9, generator=one), torch.rand(9, generator=other))


def test_all_words_come_from_the_seed():
    generator = torch.Generator()
    seed_generator(generator, ("a", 7))
    words = _words(generator)
    assert not _of_32_bits(generator)
    assert len(set(words.tolist())) > 620
    assert words.max() < 2**32
    assert abs(words.mean() / 2**32 - 0.5) < 5 * (12 * len(words)) ** -0.5


def test_what_was_drawn_before_leaves_no_trace():
    used, new = torch.Generator().manual_seed(3), torch.Generator()
    torch.randn(3, generator=used)  # an odd number: the other one of a pair of normals is kept
    for generator in (used, new):
        seed_generator(generator, 7)
    assert torch.equal(used.get_state(), new.get_state())
    assert torch.equal(torch.randn(3, generator=used), torch.randn(3, generator=new))


def test_a_stream_is_a_generator_at_its_seed():
    generator = torch.Generator()
    seed_generator(generator, ("noise", 1))
    assert torch.equal(TorchRng(("noise", 1)).normal((5,)), torch.randn(5, generator=generator))


def test_an_unknown_layout_of_the_state_is_refused(monkeypatch):
    other = np.random.RandomState(1)
    monkeypatch.setattr(np.random, "RandomState", lambda seed: other)
    _fresh_state.cache_clear()
    with pytest.raises(
        MissingBackendError, match=r"torch .* keeps the state of its generator in a way that is not known"
    ):
        TorchRng(0).normal((1,))


def test_the_global_generator_of_a_data_set_starts_from_the_whole_seed():
    with seeded(("data", 7)):
        assert not _of_32_bits(torch.default_generator)
        drawn = torch.rand(5)
    assert torch.equal(drawn, TorchRng(("data", 7)).uniform((5,)))


def test_dropout_starts_from_the_whole_seed():
    noise = LayerNoise(torch.device("cpu"))
    with noise(noise.draw(TorchRng(7), 2)):
        assert not _of_32_bits(torch.default_generator)


def test_the_generator_of_a_loader_starts_from_the_whole_seed_and_apart_from_the_global_one():
    generator = torch.Generator()
    loader = DataLoader(TensorDataset(torch.rand(6, 2)), batch_size=2, shuffle=True, generator=generator)
    seen = []
    kept = DataLoader.__iter__

    class Watched(DataLoader):
        def __iter__(self):
            seen.append((_of_32_bits(generator), torch.equal(generator.get_state(), torch.get_rng_state())))
            return kept(self)

    loader.__class__ = Watched
    open_source(loader, None, 0).batch(0, 0, 1)
    assert seen
    assert set(seen) == {(False, False)}


def test_a_generator_that_cannot_be_seeded_is_refused():
    loader = DataLoader(TensorDataset(torch.rand(6, 2)), batch_size=2)
    loader.generator = np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"the loader's generator is a numpy.*Generator, which fit cannot seed"):
        open_source(loader, None, 0)
