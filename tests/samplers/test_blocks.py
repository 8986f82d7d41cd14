"""Samples in blocks: who makes which block, in what order and beside how many others does not matter."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import CHAINS, SEED, Gaussian, annealed_moments, assert_law
from scorekit.samplers import AnnealedLangevin, Block, Inpaint, Langevin, gather, sample_blocks

LEVELS = [2.0, 1.0, 0.5]
SAMPLER = AnnealedLangevin(LEVELS, 2, 0.1)


def start(count, rng):
    return sk.samplers.initial(LEVELS, (count, 2), rng)


def make(n=25, rng=3, sampler=SAMPLER, **options):
    return sample_blocks(sampler, Gaussian(1.0, 0.5), start, n, rng, **{"block": 10} | options)


def test_blocks_come_one_by_one_and_cover_all():
    made = list(make())
    assert all(isinstance(b, Block) for b in made)
    assert [(b.number, b.rows.start, b.rows.stop) for b in made] == [(0, 0, 10), (1, 10, 20), (2, 20, 25)]
    assert [b.samples.x.shape for b in made] == [(10, 2), (10, 2), (5, 2)]
    assert np.unique(gather(made).x).size == 50


def test_a_block_is_a_function_of_the_seed_and_its_number():
    whole = gather(make(30)).x
    for number in (2, 0, 1):
        [alone] = make(30, blocks=[number])
        assert np.array_equal(alone.samples.x, whole[10 * number : 10 * number + 10])
    assert np.array_equal(gather(make(1000, blocks=range(3))).x, whole)
    assert not np.any(gather(make(30, rng=4)).x == whole)


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_any_number_of_processes_make_the_same_samples(world):
    whole, n = gather(make(45)).x, 45
    shared = np.full((n, 2), np.nan)
    for rank in range(world):
        for made in make(n, blocks=range(rank, math.ceil(n / 10), world)):
            shared[made.rows] = made.samples.x
    assert np.array_equal(shared, whole)


def test_a_block_is_what_its_stream_gives_the_sampler():
    seed = [int(word) for word in sk.rng(("sample_blocks", 3)).integers(0, 2**62, (2,))]
    stream = sk.rng(("sample_blocks", *seed, 1))
    x = SAMPLER.sample(Gaussian(1.0, 0.5), start(10, stream), rng=stream).x
    assert np.array_equal(gather(make(blocks=[1])).x, x)


def test_the_last_of_ten_million_blocks_is_made_at_once():
    """Its stream does not need those before it."""
    last = 10**7 // 10 - 1
    begun = time.perf_counter()
    [made] = make(10**7, sampler=Langevin(0.1, 1), blocks=[last])
    assert time.perf_counter() - begun < 5.0
    assert made.number == last
    assert np.array_equal(gather(make(10**7, blocks=[2, 0])).x[10:], gather(make(30, blocks=[0])).x)


def test_an_rng_that_is_used_meanwhile_changes_nothing():
    a, b = sk.rng(3), sk.rng(3)
    quiet, busy = make(rng=a), make(rng=b)
    for one, other in zip(quiet, busy, strict=True):
        b.spawn(2)
        b.normal((5,))
        assert np.array_equal(one.samples.x, other.samples.x)
    assert not np.any(gather(make(rng=a)).x == gather(make(rng=sk.rng(3))).x)  # an Rng goes on


def test_the_law_and_the_independence_of_blocks():
    # N = 60,000 in 300 blocks: blocks that shared a stream would be seen as correlated halves
    sampler = AnnealedLangevin(LEVELS, 2, 0.1, denoise=False)
    x = gather(make(CHAINS, SEED, sampler, block=100)).x
    assert_law(x, *annealed_moments(0.0, 4.0, 1.0, 0.5, LEVELS, 2, 0.1)[-1])


def test_only_one_block_is_in_flight():
    asked = []
    blocks = sample_blocks(Langevin(0.1, 2), lambda x: asked.append(len(x)) or -x, start, 25, 0, block=10)
    assert asked == []
    next(blocks)
    assert asked == [10, 10]


def test_ctrl_c_hands_over_what_is_complete():
    calls = []

    def model(x, sigma):
        calls.append(len(x))
        if len(calls) == 18:  # 7 a block: in the middle of the third
            raise KeyboardInterrupt
        return Gaussian(1.0, 0.5)(x, sigma)

    result = gather(sample_blocks(SAMPLER, model, start, 60, 3, block=10))
    assert result.interrupted
    assert result.rows.tolist() == list(range(20))
    assert np.array_equal(result.x, gather(make(60)).x[:20])
    rest = gather(make(60, blocks=range(2, 6)))
    assert not rest.interrupted
    assert np.array_equal(np.concatenate([result.x, rest.x]), gather(make(60)).x)


def test_ctrl_c_before_the_first_block_is_complete():
    def model(x, sigma):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(sample_blocks(SAMPLER, model, start, 60, 3, block=10))


def test_one_bar_over_all_blocks(capsys):
    gather(make(progress=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert "25 samples in blocks of 10: 21/21 steps (100 %)" in err  # 3 blocks of 7 steps
    gather(make())
    assert capsys.readouterr() == ("", "")


def test_the_bar_changes_nothing_and_clamping_goes_along(capsys):
    assert np.array_equal(gather(make(progress=True)).x, gather(make()).x)
    sampler = Inpaint(SAMPLER, [True, False], 7.0)
    assert (gather(make(sampler=sampler, progress=True)).x[:, 0] == 7.0).all()
    assert "21/21" in capsys.readouterr().err


def test_dtype_and_framework_of_the_start():
    torch = pytest.importorskip("torch")
    like = torch.zeros(1, dtype=torch.float32)

    def begin(count, rng):
        return sk.samplers.initial(LEVELS, (count, 2), rng, like=like)

    runs = [gather(sample_blocks(SAMPLER, lambda x, s: -x, begin, 25, 0, block=10, like=like)).x for _ in range(2)]
    assert runs[0].dtype == torch.float32
    assert tuple(runs[0].shape) == (25, 2)
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"sampler": Langevin}, TypeError, "sampler is .*expected an instance of one of sk.samplers"),
        ({"start": np.zeros((25, 2))}, TypeError, "start is a numpy.ndarray .*: expected a function.*initial"),
        ({"n": 0}, ValueError, "n must be at least 1"),
        ({"block": 0}, ValueError, "block must be at least 1"),
        ({"blocks": [0, 3]}, ValueError, "blocks has 3: there are 3 blocks, expected an index from 0 to 2"),
        ({"blocks": [1, 0, 1]}, ValueError, "blocks has 1 2 times: expected each block once"),
        ({"blocks": [-1]}, ValueError, "a block must be at least 0"),
        ({"blocks": 2}, TypeError, r"blocks is 2: expected integers, for example range\(0, 3, 2\)"),
        ({"progress": 1}, ValueError, "unknown progress"),
        ({"rng": -1}, ValueError, "rng must be a non-negative seed"),
    ],
)
def test_what_is_refused_at_once(options, error, words):
    given = {"sampler": SAMPLER, "model": Gaussian(), "start": start, "n": 25, "rng": 0, "block": 10} | options
    with pytest.raises(error, match=words) as caught:
        sample_blocks(**given)
    assert isinstance(caught.value, sk.ScorekitError)


def test_a_start_of_the_wrong_size():
    with pytest.raises(sk.ShapeError, match=r"start returned shape \(4, 2\) for 10 samples"):
        next(sample_blocks(SAMPLER, Gaussian(), lambda n, rng: np.zeros((4, 2)), 25, 0, block=10))
    with pytest.raises(TypeError, match="the array that start returned is None"):
        next(sample_blocks(SAMPLER, Gaussian(), lambda n, rng: None, 25, 0, block=10))


def test_nothing_to_gather():
    with pytest.raises(ValueError, match="no block to gather"):
        gather(make(blocks=[]))


def test_each_block_has_the_conditions_that_its_start_returns():
    """One-point data at the label: each sample ends at its own."""
    noise = sk.noise.Geometric(5.0, 0.01, 30)

    def model(x, sigma, label):
        return (label[:, None] - x) / sk.expand(sigma, x) ** 2

    def start(count, rng):
        return sk.samplers.initial(noise, (count, 2), rng), np.arange(count) % 3

    made = sk.samplers.gather(
        sk.samplers.sample_blocks(sk.samplers.ConsistentAnnealed(noise), model, start, 10, 0, block=4)
    )
    np.testing.assert_allclose(made.x, np.tile([0, 1, 2, 0, 0, 1, 2, 0, 0, 1], (2, 1)).T, atol=1e-9)


def test_conditions_of_another_number_of_samples_are_refused():
    def start(count, rng):
        return rng.normal((count, 2)), np.zeros(3)

    langevin = sk.samplers.Langevin(0.1, 2)
    with pytest.raises(sk.ShapeError, match=r"conditions of shape \(3,\) for 4 samples"):
        list(sk.samplers.sample_blocks(langevin, lambda x, sigma, c: -x, start, 8, 0, block=4))
