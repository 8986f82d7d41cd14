"""Datasets and DataLoaders as the data of a run: the same samples at the same steps, and the same bits after a stop."""

from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import ExplicitScoreMatching, SlicedScoreMatching
from scorekit.training.sources import open_source

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset  # noqa: E402

from scorekit_torch import MLP  # noqa: E402

X = torch.tensor(np.random.default_rng(0).normal(size=(23, 2)))
PAIRS = TensorDataset(X, torch.arange(23) % 3)


class Seen:
    """An objective that writes down which samples came."""

    def __init__(self):
        self.batches = []

    def __call__(self, model, x, rng=None, condition=None):
        self.batches.append([int((row == X).all(dim=1).nonzero()) for row in x])
        return SlicedScoreMatching()(model, x, rng, condition=condition)


class Jittered(Dataset):
    """Samples with noise from the global generators, as random transforms have it."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i] + 0.1 * torch.randn(2, dtype=torch.float64) + random.random() + np.random.random_sample()  # noqa: NPY002


class Plain:
    """The same in a class of its own."""

    __len__, __getitem__ = Jittered.__len__, Jittered.__getitem__


def run(data, objective=None, **options):
    options = {"steps": 9, "progress": False} | options
    pairs = getattr(data, "dataset", data) is PAIRS or isinstance(data, tuple)
    net = MLP(2, hidden=(8,), conditional=False, classes=3 if pairs else None)
    return sk.fit(net, objective or SlicedScoreMatching(), data, **options)


def bits(result):
    return torch.cat([v.flatten() for v in result.model.state_dict().values()])


def loader(data=PAIRS, **options):
    return DataLoader(data, **{"batch_size": 5, "shuffle": True} | options)


# ---------------------------------------------------------------- what comes


@pytest.mark.parametrize("data", [PAIRS, TensorDataset(X)], ids=["pairs", "samples"])
def test_a_dataset_gives_what_its_array_gives(data):
    """Order and noise are functions of the seed: an array and a dataset of its rows train alike."""
    array = (X, torch.arange(23) % 3) if data is PAIRS else X
    assert torch.equal(bits(run(data, batch_size=6)), bits(run(array, batch_size=6)))


def test_a_loader_is_passed_again_and_again_and_shuffled_by_the_seed():
    seen, again, other = Seen(), Seen(), Seen()
    run(loader(), seen, steps=10)
    run(loader(), again, steps=10)
    run(loader(), other, steps=10, rng=1)
    epochs = [list(chain(*seen.batches[:5])), list(chain(*seen.batches[5:]))]
    assert [sorted(e) for e in epochs] == [list(range(23))] * 2
    assert epochs[0] != epochs[1]
    assert [len(b) for b in seen.batches[:5]] == [5, 5, 5, 5, 3]
    assert seen.batches == again.batches != other.batches


def test_the_order_of_a_loader_that_does_not_shuffle_is_kept():
    seen = Seen()
    run(loader(shuffle=False), seen, steps=5)
    assert list(chain(*seen.batches)) == list(range(23))


def test_nothing_global_moves():
    def places():
        return str(torch.random.get_rng_state().tolist()), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    before = places()
    for data in (loader(Jittered()), Jittered()):
        run(data)
        assert places() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: PAIRS,
        lambda: loader(),
        lambda: loader(Jittered()),
        lambda: loader(Jittered(), generator=torch.Generator()),
        lambda: loader(Jittered(), num_workers=1),
        lambda: Jittered(),
        lambda: Plain(),
    ],
    ids=["dataset", "loader", "random transform", "own generator", "worker", "random items", "plain random items"],
)
def test_a_stopped_run_resumes_to_the_same_bits(tmp_path, make):
    whole = bits(run(make(), steps=12))
    run(make(), steps=7, checkpoint=tmp_path)
    assert torch.equal(bits(run(make(), steps=12, checkpoint=tmp_path)), whole)


def test_another_loader_is_another_run(tmp_path):
    run(loader(), checkpoint=tmp_path)
    with pytest.raises(sk.CheckpointError, match="batches was 5, now 6"):
        run(loader(batch_size=4), checkpoint=tmp_path)


def test_the_samplers_of_distributed_loaders_are_told_the_epoch():
    seen, sampler = Seen(), DistributedSampler(PAIRS, num_replicas=1, rank=0, shuffle=True)
    run(loader(shuffle=None, sampler=sampler), seen, steps=10)
    epochs = [list(chain(*seen.batches[:5])), list(chain(*seen.batches[5:]))]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(23))
    assert epochs[0] != epochs[1]


class ByClass(torch.nn.Module):
    classes = 3

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.zeros(3, 2, dtype=torch.float64))

    def forward(self, x, sigma=None, label=None):
        return 0 * x + self.level[label]


def test_labels_come_with_the_samples():
    for data, more in ((loader(), {}), (PAIRS, {"batch_size": 23})):
        given = ExplicitScoreMatching(lambda x: x)
        options = {"steps": 2000, "progress": False, "learning_rate": sk.training.WarmupCosine(0.1, 2000), "ema": None}
        made = sk.fit(ByClass(), given, data, **options, **more)
        for k in range(3):
            np.testing.assert_allclose(made.model.level[k].detach(), X[k::3].mean(0), atol=0.02)


class Items(Dataset):
    """Samples beside labels as ``label`` makes them of a class."""

    def __init__(self, label):
        self.label = label

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], self.label(i % 3)


class Batches:
    """One batch, samples beside ``labels``."""

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return 1

    def __iter__(self):
        return iter([(X, self.labels)])


def levels(data):
    given = ExplicitScoreMatching(lambda x: x)
    return sk.fit(ByClass(), given, data, steps=3, progress=False, rng=1).model.level.detach()


CLASSES = [i % 3 for i in range(23)]


@pytest.mark.parametrize("labels", [CLASSES, np.array(CLASSES), np.array(CLASSES, dtype=np.uint8)], ids=type)
def test_labels_of_a_loader_may_be_lists_or_of_numpy(labels):
    assert torch.equal(levels(Batches(labels)), levels(Batches(torch.tensor(CLASSES))))


@pytest.mark.parametrize("label", [int, np.int64, torch.tensor])
def test_labels_of_items_may_be_numbers(label):
    assert torch.equal(levels(Items(label)), levels((X, torch.tensor(CLASSES))))


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (Batches(torch.zeros(23)), TypeError, "second item of the data is a .*float64.*expected integers"),
        (
            Batches(torch.zeros(23, 1, dtype=int)),
            TypeError,
            r"second item .*\(23, 1\).*3 classes: expected integers \(n,\)",
        ),
        (Batches(torch.tensor(1)), ValueError, "second item of the data is the single value"),
        (Batches([0, 1]), ValueError, r"second item of the data has shape \(2,\) for 23 samples"),
        (
            Batches(["cat"] * 23),
            TypeError,
            "is a list: expected integers.*Convert text to one integer",
        ),
        (Items(float), TypeError, "second item of the data is a torch.Tensor .*float64.*expected integers"),
        (Items(lambda k: torch.tensor([k])), TypeError, r"second item .* 1\).*expected integers"),
        (Items(str), TypeError, "second item of the data is a list: expected integers"),
    ],
)
def test_what_stands_in_the_place_of_labels_and_is_none_is_refused(data, error, words):
    with pytest.raises(error, match=words):
        levels(data)


@pytest.mark.parametrize(
    "data",
    [
        (X, torch.arange(23)),
        (X, ["cat"] * 23),
        TensorDataset(X, torch.eye(23)),
        Items(str),
        Batches(torch.zeros(23, 3)),
        Batches(["cat"] * 23),
        DataLoader(TensorDataset(X, torch.arange(23)), batch_size=5),
    ],
    ids=["pair", "text", "one-hot", "items of text", "batches", "batches of text", "loader"],
)
def test_a_second_item_that_no_parameter_takes_is_refused(data):
    """Whatever holds it, and before the first step."""
    unconditional = MLP(2, hidden=(8,), conditional=False)
    with pytest.raises(TypeError, match=r"have a second item, .* and the model has no parameter for it"):
        sk.fit(unconditional, SlicedScoreMatching(), data, steps=1, progress=False)


def test_a_third_item_is_refused():
    with pytest.raises(TypeError, match=r"dataset\[0\] has 3 parts: expected an array, or a tuple"):
        run(TensorDataset(X, X, X))


# ---------------------------------------------------------------- what is refused


class Stream(IterableDataset):
    def __iter__(self):
        return iter(X)


class OnePass:
    """Says that it has five batches, and gives them once."""

    def __init__(self):
        self.left = iter([X[:5]] * 5)

    def __len__(self):
        return 5

    def __iter__(self):
        return self.left


class Words(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return "image"


class Ragged(Words):
    def __getitem__(self, i):
        return torch.ones(2 + i, dtype=torch.float64)


@pytest.mark.parametrize(
    ("data", "options", "error", "words"),
    [
        (loader(), {"batch_size": 4}, ValueError, "batch_size is 4 and data is a loader"),
        (Stream(), {}, TypeError, "without a length: expected an array, a dataset"),
        (iter([X]), {}, TypeError, "without a length"),
        (DataLoader(Stream(), batch_size=5), {}, TypeError, "a torch.DataLoader without a length: expected an array"),
        (OnePass(), {}, ValueError, "the loader ended after 4 batches and its length is 5"),
        (Words(), {}, TypeError, r"dataset\[0\] is a str: expected an array, or a tuple \(array, condition\)"),
        (Ragged(), {}, ValueError, r"items of the dataset have shapes \[\(2,\), \(3,\), \(4,\)\]"),
        (TensorDataset(X[:0]), {}, ValueError, "the dataset is empty"),
        (loader(TensorDataset(X[:3]), drop_last=True), {}, ValueError, "the loader is empty"),
        (TensorDataset(X.to(torch.uint8)), {}, TypeError, "dtype torch.uint8: expected a real floating"),
        (loader(TensorDataset(X / 0)), {}, ValueError, "a batch of the loader holds NaN or infinity"),
        ([X, X, X], {}, TypeError, "is a list"),
        ({"x": X}, {}, TypeError, "is a dict"),
    ],
    ids=lambda value: None,
)
def test_data_that_cannot_be_used(data, options, error, words):
    with pytest.raises(error, match=words):
        run(data, **options)


def test_a_small_last_batch_over_several_processes_is_refused_with_advice():
    uneven = open_source(loader(TensorDataset(X), batch_size=22), None, 0)
    assert uneven.batch(0, 1, 2).x.shape == (11, 2)
    with pytest.raises(ValueError, match=r"a batch of 1 samples cannot be divided among 2 processes: .*drop_last=True"):
        uneven.batch(1, 1, 2)
