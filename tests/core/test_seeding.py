"""Seeds become streams: different seeds give different streams."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scorekit as sk
from scorekit.learning import restored_sequence, seed_sequence, sequence_state

_BACKENDS = sorted(name for name, installed in sk.backends().items() if installed)
each_backend = pytest.mark.parametrize("name", _BACKENDS)


def _first(stream):
    """124 bits of the first draw."""
    return np.asarray(stream.integers(0, 2**62, (2,))).tobytes()


def _draws(name, stream):
    return sk.backend(name).to_numpy(stream.normal((20,)))


@each_backend
def test_of_200_000_streams_no_two_are_alike(name):
    """Among as many streams of 32 bits some five pairs are alike."""
    backend = sk.backend(name)
    count = 200_000
    assert len({_first(backend.rng(("fit", 0, "noise", step))) for step in range(count)}) == count


@each_backend
@pytest.mark.parametrize(("one", "other"), [(57_408, 93_827), (5_285, 44_532)])
def test_streams_that_were_alike_differ(name, one, other):
    """With 32 bits these steps of ``fit(rng=0)`` and these blocks of ``sample_blocks`` had equal noise."""
    backend = sk.backend(name)
    steps = [_draws(name, backend.rng(seed)) for seed in ((0, 1, one), (0, 1, other), ("fit", 0, "noise", one))]
    blocks = backend.rng(0).spawn(other + 1)
    steps += [_draws(name, blocks[one]), _draws(name, blocks[other])]
    assert len({draws.tobytes() for draws in steps}) == len(steps)


@each_backend
def test_zeros_at_the_end_of_a_seed_count(name):
    seeds = [7, (7, 0), (7, 0, 0), (0, 7), ("7",), ("7", 0), (), (0,), ("",)]
    assert len({_first(sk.backend(name).rng(seed)) for seed in seeds}) == len(seeds)


@each_backend
def test_parts_keep_their_type_and_their_ends(name):
    ints, texts = [(1, 2), (12,), (18,), (0x1A,)], ["12", "ab", "as:b", "as1:b", "1:a", "a1", "ai1", "i1", "s"]
    mixed = [("1", "2"), ("a", "b"), ("1", "a"), ("a", 1), (1, "a")]
    mixed += [(1, "xxxxxxi1i1i1i1i1"), (17, "xxxxxx", 1, 1, 1, 1, 1)]  # alike where a text is written without its s
    seeds = [*ints, *[(text,) for text in texts], *mixed]
    assert len({_first(sk.backend(name).rng(seed)) for seed in seeds}) == len(seeds)


@each_backend
@pytest.mark.parametrize("seed", [7, np.int64(7), (7,), [7], np.array([7])])
def test_one_int_is_one_stream_however_it_is_written(name, seed):
    assert _first(sk.backend(name).rng(seed)) == _first(sk.backend(name).rng(7))


parts = st.one_of(
    st.integers(0, 20), st.integers(0, 2**70), st.text(alphabet="s0i1:;a", max_size=6), st.text(max_size=4)
)
seeds = st.lists(parts, max_size=5).map(tuple)


@given(seeds, seeds)
def test_different_seeds_give_different_entropy(one, other):
    assert (one == other) == np.array_equal(seed_sequence(one).entropy, seed_sequence(other).entropy)


@given(seeds, st.integers(0, len(_BACKENDS) - 1))
def test_a_longer_seed_gives_another_stream(seed, place):
    backend = sk.backend(_BACKENDS[place])
    longer = [(*seed, 0), (0, *seed), (*seed, ""), ("", *seed)]
    assert _first(backend.rng(seed)) not in {_first(backend.rng(other)) for other in longer}


def test_children_are_none_of_the_named_streams():
    parent = seed_sequence(3)
    words = {tuple(seed_sequence(seed).generate_state(4)) for seed in (3, (3, 0), (3, 1), (3, 0, 0))}
    children = parent.spawn(2)
    words |= {tuple(child.generate_state(4)) for child in [*children, *children[0].spawn(2)]}
    assert len(words) == 8


@given(seeds, st.integers(0, 3))
def test_a_sequence_is_kept_as_json(seed, spawned):
    sequence = seed_sequence(seed)
    for child in [sequence, *sequence.spawn(spawned)]:
        again = restored_sequence(json.loads(json.dumps(sequence_state(child))))
        assert again.generate_state(8).tolist() == child.generate_state(8).tolist()
        assert again.spawn(1)[0].spawn_key == child.spawn(1)[0].spawn_key


@each_backend
@pytest.mark.parametrize("seed", [0, ("fit", 3, 2**80), None])
def test_streams_go_on_from_their_state(name, seed):
    stream = sk.backend(name).rng(seed)
    stream.spawn(2)
    stream.normal((3,))
    state = json.loads(json.dumps(stream.state()))
    ahead = [*_draws(name, stream), *_draws(name, stream.spawn(1)[0])]
    again = sk.backend(name).rng(1)
    again.restore(state)
    assert [*_draws(name, again), *_draws(name, again.spawn(1)[0])] == ahead


@pytest.mark.parametrize("seed", [-1, (3, -1), np.int64(-1)])
@each_backend
def test_a_negative_seed_is_refused(name, seed):
    with pytest.raises(ValueError, match=r"the seed is .*-1.*: expected a nonnegative int, a sequence"):
        sk.backend(name).rng(seed)


@pytest.mark.parametrize("seed", [1.0, (1, 2.0), True, (0, False), "abc", {1}, ((1, 2), 3), b"a", np.ones((2, 2), int)])
@each_backend
def test_what_is_no_seed_is_refused(name, seed):
    with pytest.raises(TypeError, match=r"(?s)the seed is .*: expected a nonnegative int, a sequence"):
        sk.backend(name).rng(seed)


def test_fresh_entropy_is_fresh():
    assert not np.array_equal(seed_sequence(None).generate_state(4), seed_sequence(None).generate_state(4))
