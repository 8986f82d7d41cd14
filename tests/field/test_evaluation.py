"""What users run into when they evaluate samples: distances that are mostly bias, tests that cannot reject, files."""

from __future__ import annotations

import json
import pickle
import re
import sys
import warnings
import zipfile

import numpy as np
import pytest

import scorekit as sk
from scorekit.cli import main
from scorekit.experiments import compare
from scorekit.experiments.comparison import _halved, feature_distances
from scorekit.experiments.features import PixelFeatures
from scorekit.experiments.image_files import write_images
from scorekit.experiments.labeling import _equal_labels, corrected_proportions
from scorekit.metrics import frechet_distance, moments
from scorekit.metrics._frechet_distance import plain_frechet, side, simulated_frechet

NUMBER = r"([\d.]+(?:e[+-]\d+)?)"


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def spectrum(kind, d):
    return {"equal": np.ones(d), "decaying": 1 / np.sqrt(np.arange(1, d + 1))}[kind]


# ---------------------------------------------------------------- n against d


@pytest.mark.parametrize("kind", ["equal", "decaying"])
@pytest.mark.parametrize(("d", "n", "m"), [(256, 60, 60), (64, 100, 300), (20, 60, 30), (4, 12, 12)])
def test_the_warning_of_the_frechet_distance_gives_what_equal_distributions_have(kind, d, n, m):
    """mseitzer/pytorch-fid#78, bioinf-jku/TTUR#5, pfriedri/wdm-3d#12: what is a distance of few samples worth?

    Against the mean of simulated pairs to 10 %, and three standard errors of what is random in few dimensions.
    """
    rng, scales = np.random.default_rng(0), spectrum(kind, d)
    pairs = [(scales * rng.normal(size=(n, d)), scales * rng.normal(size=(m, d))) for _ in range(max(3, 400 // d))]
    truth = np.mean([plain_frechet(a, b) for a, b in pairs])
    stated = []
    for a, b in pairs[: 3 if d > 20 else 20]:
        with pytest.warns(RuntimeWarning, match=f"n = {n} and n = {m}, and d = {d} features") as caught:
            frechet_distance(a, b)
        stated.append(float(re.search(f"about {NUMBER}", str(caught[0].message)).group(1)))
        assert caught[0].filename == __file__
        assert "kernel_distance" in str(caught[0].message)
    assert np.mean(stated) == pytest.approx(truth, rel=0.1)


def test_the_distance_of_100_samples_in_512_dimensions_is_no_longer_silent():
    """Of two samples of N(0, I): 659."""
    a, b = normal(2, 100, 512)
    with pytest.warns(RuntimeWarning, match=r"about 6[456]\d, and this distance is 6[456]\d"):
        frechet_distance(a, b)


@pytest.mark.parametrize("n", [None, 5000])
def test_precomputed_moments_have_the_same_warning(n):
    """mchong6/FID_IS_infinity#9: a small set against published statistics of many images."""
    d, scales = 64, spectrum("decaying", 64)
    reference = (np.zeros(d), np.diag(scales**2), n)[: 2 if n is None else 3]
    rng = np.random.default_rng(1)
    truth = np.mean([frechet_from_exact(scales * rng.normal(size=(100, d)), scales) for _ in range(10)])
    with pytest.warns(RuntimeWarning, match="have a Fréchet distance of about") as caught:
        frechet_distance(scales * rng.normal(size=(100, d)), reference)
    stated = float(re.search(f"about {NUMBER}", str(caught[0].message)).group(1))
    assert stated == pytest.approx(truth, rel=0.1)
    assert ("n unknown" in str(caught[0].message)) == (n is None)


def frechet_from_exact(x, scales):
    """To N(0, diag scales²), by the eigenvalues of the product."""
    covariance = np.cov(x, rowvar=False)
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(scales[:, None] * covariance * scales), 0, None)).sum()
    return np.sum(x.mean(0) ** 2) + np.trace(covariance) + np.sum(scales**2) - 2 * overlap


def stated_bias(a, b):
    with pytest.warns(RuntimeWarning, match="have a Fréchet distance of") as caught:
        frechet_distance(a, b)
    return float(re.search(f"about {NUMBER}", str(caught[0].message)).group(1))


def test_the_bias_is_that_of_equal_means():
    a, b = normal(2, 100, 64)
    assert stated_bias(a + 1.0, b) == pytest.approx(stated_bias(a, b), rel=1e-6)


def test_moments_of_two_small_sets_have_the_bias_of_both():
    """Two features, where the means have a part of it: tr C (1/n + 1/m)."""
    rng, n, m = np.random.default_rng(0), 8, 15
    pairs = [(rng.normal(size=(n, 2)), rng.normal(size=(m, 2))) for _ in range(3000)]
    truth = np.mean([plain_frechet(a, b) for a, b in pairs])
    exact = simulated_frechet(side(moments(pairs[0][0]), "a"), side((np.zeros(2), np.eye(2), m), "b"))
    assert exact == pytest.approx(truth, rel=0.08)


def test_moments_of_few_samples_say_that_the_bias_is_larger():
    a, b = normal(2, 60, 128)
    with pytest.warns(RuntimeWarning, match="of at least about"):
        frechet_distance(moments(a), moments(b))


def test_the_exact_wasserstein_distance_says_that_it_is_mostly_bias():
    a, b, c, d = normal(4, 50, 64)
    with pytest.warns(RuntimeWarning, match="n = 50 samples in d = 64 dimensions") as caught:
        value = sk.metrics.wasserstein(a, b)
    stated = float(re.search(f"about {NUMBER}", str(caught[0].message)).group(1))
    with pytest.warns(RuntimeWarning):
        assert stated == pytest.approx(sk.metrics.wasserstein(c, d), rel=0.05)
    assert value == pytest.approx(stated, rel=0.05)


@pytest.mark.parametrize(("d", "n", "m"), [(2, 300, 300), (16, 300, 100), (64, 200, 200)])
def test_precision_and_recall_give_their_values_for_equal_distributions(d, n, m):
    """In 64 dimensions they are 0.67, not 1. The mean over pairs, to four of its standard errors."""
    rng, runs = np.random.default_rng(0), 12
    found = [sk.metrics.precision_recall(rng.normal(size=(n, d)), rng.normal(size=(m, d))) for _ in range(runs)]
    for name in ("precision", "recall"):
        got, expected = (np.array([getattr(f, each) for f in found]) for each in (name, f"expected_{name}"))
        spread = np.hypot(got.std(), expected.std()) / np.sqrt(runs)
        assert abs(got.mean() - expected.mean()) < 4 * spread
    assert f"(expected {found[0].expected_recall:.4f})" in str(found[0])


def test_what_a_sorted_set_has_expected_is_not_that_of_its_first_class():
    """The expected values use some of the points: at random, because files are sorted by class."""
    classes = np.repeat(np.arange(4), 400)[:, None]
    real, generated = normal(1600, 1) + 100 * classes, normal(1600, 1, seed=1) + 100 * classes
    shuffled = np.random.default_rng(0).permutation(1600)
    sorted_, mixed = (sk.metrics.precision_recall(real[rows], generated[rows]) for rows in (slice(None), shuffled))
    assert sorted_.expected_precision == pytest.approx(mixed.expected_precision, abs=0.03)


def test_many_neighbors_of_few_points():
    with pytest.warns(RuntimeWarning, match="neighbors is 5, and a set has 12 points.*at least 25 points"):
        sk.metrics.precision_recall(normal(40, 2), normal(12, 2), neighbors=5)


def test_ordinary_use_warns_of_nothing():
    """n of 10 d, or the usual sizes in few dimensions."""
    metrics = sk.metrics
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for d, n in ((1, 20), (2, 100), (10, 200), (50, 500)):
            a, b = normal(n, d), normal(n, d, seed=1)
            frechet_distance(a, b)
            frechet_distance(moments(a), (np.zeros(d), np.eye(d)))
            metrics.precision_recall(a, b)
            metrics.kernel_distance(a, b)
            metrics.sliced_wasserstein(a, b, rng=0)
            metrics.mmd(a, b, rng=0, permutations=19)
            metrics.c2st(a, b, rng=0)
            metrics.kernel_stein_discrepancy(lambda x: -x, a, bootstraps=19, rng=0)
            frechet_distance(a[: n // 2], a + 50.0)  # few samples, and a distance to which they add nothing
        for d, n in ((1, 5), (2, 30), (5, 100)):
            metrics.wasserstein(normal(n, d), normal(n, d, seed=1))


# ---------------------------------------------------------------- tests and kernels that can see nothing


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.c2st(normal(4, 2), normal(5, 2)), "with 4 and 5 samples the p-value is at least 0.1:"),
        (lambda m: m.mmd(normal(3, 2), normal(3, 2)), "with 3 and 3 samples the p-value is at least 0.1:"),
        (lambda m: m.mmd(normal(30, 2), normal(30, 2), permutations=9), "permutations is 9, so the p-value is at"),
        (lambda m: m.kernel_stein_discrepancy(lambda x: -x, normal(5, 2)), "with 5 samples the p-value is at least"),
        (
            lambda m: m.kernel_stein_discrepancy(lambda x: -x, normal(50, 2), bootstraps=10),
            "bootstraps is 10, so the p-value is at least 0.0909: .* use at least 19",
        ),
        (
            lambda m: m.mmd(normal(30, 2), normal(30, 2, seed=1), bandwidth=1e-4),
            "bandwidth is 0.0001, and the median distance .* nearly zero for all but 0 of 1770 pairs. Omit bandwidth",
        ),
        (lambda m: m.mmd(normal(30, 2), normal(30, 2, seed=1), bandwidth=1e4), "hardly anything but the means"),
        (
            lambda m: m.sliced_wasserstein(normal(30, 50), normal(30, 50) + np.eye(50)[0] * 9, projections=3, rng=0),
            "a mean over 3 random directions, and its error is about",
        ),
        (lambda m: m.sliced_wasserstein(normal(30, 5), normal(30, 5, seed=1), projections=1), "its error is unknown"),
    ],
)
def test_a_call_that_can_see_nothing_says_so_once_at_the_line_of_the_caller(call, words):
    """neurodata/hyppo#92, lyttonhao/Neural-Style-MMD#4: kernels whose width fits nothing."""
    with pytest.warns(RuntimeWarning, match=words) as caught:
        call(sk.metrics)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_smallest_p_values_are_as_stated():
    """c2st: 1/C(5, 2) for two and three test points; mmd: 2/C(6, 3) for three and three."""
    far = np.full((3, 1), 100.0) + normal(3, 1)
    with pytest.warns(RuntimeWarning):
        assert sk.metrics.mmd(normal(3, 1), far, permutations=4999, rng=0).p_value == pytest.approx(0.1, abs=0.02)
    with pytest.warns(RuntimeWarning):
        assert sk.metrics.c2st(normal(4, 1), np.full((5, 1), 100.0), rng=0).p_value == pytest.approx(0.1)


# ---------------------------------------------------------------- moments


def gaussians():
    turn, other = (np.linalg.qr(normal(6, 6, seed=seed)).Q for seed in (1, 2))
    first, second = np.array([4.0, 1, 9, 0.25, 2, 5]), np.array([1.0, 16, 9, 4, 0.5, 3])
    return turn, other, first, second


def test_moments_of_gaussians_that_commute_and_that_do_not():
    from scipy.linalg import sqrtm

    turn, other, first, second = gaussians()
    shift = np.arange(6.0)
    a, b, c = turn * first @ turn.T, turn * second @ turn.T, other * second @ other.T
    expected = np.sum((np.sqrt(first) - np.sqrt(second)) ** 2) + np.sum(shift**2)
    assert frechet_distance((np.zeros(6), a), (shift, b)) == pytest.approx(expected, rel=1e-10)
    root = sqrtm(a)
    expected = np.trace(a + c - 2 * sqrtm(root @ c @ root)).real
    assert frechet_distance((np.zeros(6), a), (np.zeros(6), c, 1000)) == pytest.approx(expected, rel=1e-10)


def test_moments_give_the_distance_of_their_features():
    a, b = normal(300, 6) @ normal(6, 6, seed=3) + 1e4, 2 * normal(200, 6, seed=4) + 1e4
    expected = frechet_distance(a, b)
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(a, moments(b)[:2]) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(moments(a.reshape(300, 2, 3)), b) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("sizes", [(500,), (1, 1, 498), (7,) * 71 + (3,), (250, 250)])
def test_moments_in_blocks(sizes):
    """A mean of 1e6 deviations: sums of squares would lose all digits."""
    x = normal(500, 4) + 1e6
    found = moments(iter(np.split(x, np.cumsum(sizes)[:-1])))
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=0, atol=1e-10 * np.var(x))
    assert found.n == 500


def test_singular_covariances_have_a_distance():
    """toshas/torch-fidelity#54, pfriedri/wdm-3d#11: `Imaginary component 2.09e+111` for fewer samples than features."""
    a, b = normal(2, 10, 30)
    expected = plain_frechet(a, b)
    with pytest.warns(RuntimeWarning, match="with n = 10"):
        assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-7)


def test_files_are_those_of_other_programs(tmp_path):
    """mseitzer/pytorch-fid#77, LTH14/JiT#54: a file with mu and sigma, to read and to make."""
    a, b = normal(200, 5), normal(300, 5, seed=1) + 1
    moments(b).save(tmp_path / "ours.npz")
    with np.load(tmp_path / "ours.npz") as f:  # as pytorch-fid reads it
        mu, sigma = f["mu"][:], f["sigma"][:]
    np.testing.assert_allclose(sigma, np.cov(b, rowvar=False), rtol=1e-12)
    np.savez(tmp_path / "theirs.npz", mu=mu, sigma=sigma)
    np.savez(tmp_path / "adm.npz", arr_0=np.zeros((2, 8, 8, 3), np.uint8), mu=mu, sigma=sigma, mu_s=mu, sigma_s=sigma)
    for name in ("ours.npz", "theirs.npz", "adm.npz"):
        assert frechet_distance(a, tmp_path / name) == pytest.approx(frechet_distance(a, b), rel=1e-10)
    assert not list(tmp_path.glob("*.partial"))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_files_and_moments_that_are_refused(tmp_path):
    x = normal(100, 3)
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps(Bomb()))
    np.savez(tmp_path / "objects.npz", mu=np.array([Bomb(), None], dtype=object), sigma=np.eye(2))
    np.savez(tmp_path / "other.npz", mean=x, cov=x)
    np.savez(tmp_path / "huge.npz", mu=np.zeros(2), sigma=np.zeros((300, 300)))
    (tmp_path / "text.npz").write_text("mu, sigma")
    (tmp_path / "short.npz").write_bytes((tmp_path / "huge.npz").read_bytes()[:500])
    for name, words in {
        "stats.pkl": "a pickle, which can execute code",
        "objects.npz": "cannot be read as an .npz file .*allow_pickle",
        "other.npz": r"with cov.npy, mean.npy: expected the arrays mu and sigma. .*moments\(features\).save",
        "huge.npz": "declares 144 bytes for mu and",
        "text.npz": "cannot be read as an .npz file",
        "short.npz": "cannot be read as an .npz file",
        "missing.npz": "this file does not exist",
    }.items():
        with pytest.raises(sk.ScorekitError, match=f"features_b is .*{words}|features_b, .*{words}"):
            frechet_distance(x, tmp_path / name)
    asymmetric, negative = np.eye(3) + np.triu(np.ones((3, 3)), 1), np.diag([1.0, 1.0, -0.1])
    for given, words in (
        ((np.zeros(3), asymmetric), "the covariance of features_a is not symmetric"),
        ((np.zeros(3), negative), "features_a has the eigenvalue -0.1"),
        ((np.zeros(3), np.eye(4)), "a mean of shape .3,. and a covariance of shape .4, 4."),
        ((np.zeros(3), np.eye(3) * np.nan), "features_a holds NaN"),
        ((np.zeros(3), np.eye(3), 1), "n of features_a must be at least 2"),
        ((np.zeros(3),), "a tuple of 1"),
        ((np.zeros(4), np.eye(4)), "features_a has 4 features, features_b has 3"),
        ((["a", "b", "c"], np.eye(3)), "the mean of features_a is a list"),
    ):
        with pytest.raises(sk.ScorekitError, match=words):
            frechet_distance(given, x)
    with pytest.raises(sk.ScorekitError, match=r"a name that ends in \.npz"):
        moments(x).save(tmp_path / "stats")
    for given, words in (
        ("abc", "features is a str"),
        (iter([x, x[:, :2]]), "blocks before it"),
        ([x[:1]], "1 samples"),
    ):
        with pytest.raises(sk.ScorekitError, match=words):
            moments(given)


# ---------------------------------------------------------------- the classifier of sbibm


def sbibm(x, y, seed):
    """The definition of the benchmark, by its description: z-scores of the first, 10 d units twice, five folds."""
    from sklearn.model_selection import KFold
    from sklearn.neural_network import MLPClassifier

    mean, std = x.mean(0), x.std(0, ddof=1)
    data = (np.concatenate([x, y]) - mean) / std
    target = np.concatenate([np.zeros(len(x)), np.ones(len(y))])
    right = []
    for train, test in KFold(n_splits=5, shuffle=True, random_state=seed).split(data):
        units = (10 * x.shape[1], 10 * x.shape[1])
        network = MLPClassifier(activation="relu", hidden_layer_sizes=units, max_iter=10000, solver="adam")
        network.set_params(random_state=seed).fit(data[train], target[train])
        right.append(np.mean(network.predict(data[test]) == target[test]))
    return np.mean(right)


def test_the_network_is_that_of_the_benchmark():
    pytest.importorskip("sklearn")
    a, b = 3 * normal(300, 1) + 7, 3 * normal(300, 1, seed=1) + 10
    found = sk.metrics.c2st(a, b, rng=1, classifier="mlp")
    assert found.accuracy == pytest.approx(sbibm(a, b, 1), abs=1e-12)
    assert found.accuracy > 0.6
    assert np.isnan(found.p_value)


def test_what_the_network_refuses(monkeypatch):
    pytest.importorskip("sklearn")
    a, b = normal(20, 2), normal(20, 2, seed=1)
    for left, right, options, words in (
        (a, b[:10], {}, r"expected equal numbers.*\[:10\]"),
        (a * [1, 0], b, {}, "feature 1 of a is constant"),
        (a, b, {"neighbors": 3}, "omit neighbors"),
        (a[:4], b[:4], {}, "at least 5 of each"),
    ):
        with pytest.raises(sk.InvalidValueError, match=words):
            sk.metrics.c2st(left, right, classifier="mlp", **options)
    with pytest.raises(sk.InvalidValueError, match="unknown classifier 'tree'"):
        sk.metrics.c2st(a, b, classifier="tree")
    monkeypatch.setitem(sys.modules, "sklearn.neural_network", None)
    with pytest.raises(sk.MissingBackendError, match="installed and cannot be imported"):
        sk.metrics.c2st(a, b, classifier="mlp")
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(sk.MissingBackendError, match=r"which is not installed: python -m pip install scikit-learn$"):
        sk.metrics.c2st(a, b, classifier="mlp")


# ---------------------------------------------------------------- compare


@pytest.fixture(scope="module")
def images():
    digits = sk.datasets.digits().images
    return digits[:200], digits[200:500]


def test_images_are_the_same_in_every_form(images, tmp_path):
    """GaParmar/clean-fid#52, openai/improved-diffusion#107: images in one .npy or .npz file, and in a folder."""
    a, b = images
    eight = np.rint(255 * a).astype(np.uint8)
    write_images(tmp_path / "png", a, 0)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted((tmp_path / "png").iterdir()):
            archive.write(file, file.name)
    np.save(tmp_path / "first.npy", eight)
    np.save(tmp_path / "last.npy", np.moveaxis(eight, 1, 3))
    np.savez(tmp_path / "adm.npz", np.moveaxis(eight, 1, 3), np.zeros(200))
    np.savez(tmp_path / "one.npz", images=eight[:, 0])
    expected = compare(eight / 255, b)
    for name in ("png", "all.zip", "first.npy", "last.npy", "adm.npz", "one.npz"):
        found = compare(tmp_path / name, b)
        np.testing.assert_allclose([row[1:] for row in found.rows], [row[1:] for row in expected.rows], rtol=1e-4)
        assert "200 images of 1×8×8" in found.a
    assert compare(sk.datasets.digits()[:200], b).row("frechet").value == pytest.approx(
        expected.row("frechet").value, rel=0.02
    )


def test_the_rows_of_equal_distributions_are_as_expected(images):
    """Each value within five standard errors of what the table says that equal distributions have."""
    digits = np.random.default_rng(0).permutation(sk.datasets.digits().images)
    for row in compare(digits[:400], digits[400:900]).rows:
        assert abs(row.value - row.expected) < 5 * row.stderr, row
    noise = np.random.default_rng(1).random((400, 1, 8, 8))
    found = compare(noise, digits[:400])
    assert found.row("precision").value < 0.1
    assert found.row("frechet").value > 10 * found.row("frechet").expected


def test_the_standard_errors_are_those_of_repeated_sets():
    """Of 16 pairs: between 0.6 and 2.5 times the deviation of the values."""
    rng = np.random.default_rng(0)
    found = [feature_distances(rng.normal(size=(200, 5)), 1.2 * rng.normal(size=(150, 5)))[0] for _ in range(16)]
    for each in zip(*found, strict=True):
        values, stated = np.array([row.value for row in each]), np.mean([row.stderr for row in each])
        assert 0.6 < stated / values.std(ddof=1) < 2.5, each[0].metric


def test_the_error_of_a_mean_from_halves_is_that_of_a_mean():
    """20 halves give it to 16 %."""
    a, b = normal(400, 1), 3 * normal(100, 1, seed=1)
    ((value, stderr),) = _halved(a, b, lambda x, y: (float(x.mean() + y.mean()),))
    assert value == pytest.approx(a.mean() + b.mean())
    assert stderr == pytest.approx(np.sqrt(1 / 400 + 9 / 100), rel=0.4)


def test_moments_have_a_frechet_distance_alone(images, tmp_path):
    a, b = images
    features = lambda x: x.reshape(len(x), -1)[:, ::4]  # noqa: E731
    moments(features(b)).save(tmp_path / "b.npz")
    found = compare(a, tmp_path / "b.npz", features)
    assert [row.metric for row in found.rows] == ["frechet"]
    assert found.rows[0].value == pytest.approx(compare(a, b, features).row("frechet").value, rel=1e-9)
    assert "only the Fréchet distance" in str(found)
    assert json.loads(json.dumps(found.plain(), allow_nan=False))["rows"][0]["stderr"] is None


def test_compare_on_the_command_line(images, tmp_path, capsys):
    for name, each in zip("ab", images, strict=True):
        np.save(tmp_path / f"{name}.npy", each)
    (tmp_path / "f.py").write_text("def half(x):\n    return x.reshape(len(x), -1)[:, ::2]\n")
    paths = [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    assert main(["compare", *paths, "--features", f"{tmp_path / 'f.py'}:half"]) == 0
    table = capsys.readouterr().out
    assert [line.split("  ")[0] for line in table.splitlines()[5:]][:3] == [
        "Fréchet distance",
        "Fréchet distance for n → ∞",
        "kernel distance",
    ]
    assert main(["compare", *paths, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["features"] == "20 principal components of the pixels of A and B"
    assert {row["metric"] for row in found["rows"]} >= {"frechet", "kernel", "precision", "recall"}
    assert main(["compare", paths[0], "nothing"]) == 1
    assert "b is 'nothing', and this does not exist: expected a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda place: place / "runs", r"which contains runs \(digits\): pass one of them"),
        (lambda place: place / "model.pt", "a pickle, which can execute code"),
        (lambda place: place / "text.txt", "no folder, no zip of images and no .npy or .npz file"),
        (lambda place: place / "two.npz", "with the arrays x, y: expected one array"),
        (lambda place: place / "cut.npy", "cannot be read as arrays"),
        (lambda place: place / "object.npy", "cannot be read as arrays"),
        (lambda place: np.zeros((50, 3, 8, 3)), r"both axis 1 and axis 3 may be the channels"),
        (lambda place: np.zeros((50, 8, 8, 8)), r"neither axis 1 nor axis 3 can be the channels"),
        (lambda place: np.full((50, 1, 8, 8), 255.0), "values from 255 to 255: .* images / 255"),
        (lambda place: np.full((50, 1, 8, 8), -1.0), r"values from -1 to -1: .* \(images \+ 1\) / 2"),
        (lambda place: np.zeros((50, 1, 8, 8), np.int64), "dtype int64: expected images of uint8"),
        (lambda place: np.full((50, 1, 8, 8), np.nan), "holds NaN"),
        (lambda place: np.zeros((50, 4), np.int32), "features of dtype int32"),
        (lambda place: np.zeros(50), r"shape \(50,\): expected images"),
        (lambda place: [1, 2], "a is a list: expected a path"),
        (lambda place: np.zeros((50, 1, 5, 5)), "the images differ in shape"),
        (lambda place: np.zeros((20, 1, 8, 8)), "a set has 20 images: expected at least 40"),
        (lambda place: np.zeros((50, 7)), "one set is of images .*, the other is not .*--features FILE.py:NAME"),
    ],
)
def test_what_compare_refuses(given, words, images, tmp_path):
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    (tmp_path / "runs" / "digits" / "run.json").write_text("{}")
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "text.txt").write_text("x")
    np.savez(tmp_path / "two.npz", x=np.zeros((3, 2)), y=np.zeros(3))
    np.save(tmp_path / "object.npy", np.array([Bomb()], dtype=object))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "two.npz").read_bytes()[:90])
    with pytest.raises(sk.ScorekitError, match=words):
        compare(given(tmp_path), images[1])


def test_functions_of_features_that_are_refused(images):
    calls = iter(range(100))
    for function, words in (
        (lambda x: x.mean(), r"features returned shape \(\) for 200 images: expected features \(200, d\)"),
        (lambda x: [1.0] * len(x), "features returned a list"),
        (lambda x: x.reshape(len(x), -1) * np.nan, "features returned NaN"),
        (lambda x: x.reshape(len(x), -1) + next(calls), r"for the same 8 images in another batch.*network.eval\(\)"),
        (lambda x: x.reshape(len(x), -1) - x.mean(), r"in another batch"),
        (3, "features is a int: expected a function"),
    ):
        with pytest.raises(sk.ScorekitError, match=words):
            compare(*images, function)


def test_torch_modules_are_functions_of_features(images):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    found = compare(*images, lambda x: layer(torch.from_numpy(x)))
    expected = [layer(torch.tensor(x)).detach().double().numpy() for x in images]
    assert found.row("frechet").value == pytest.approx(frechet_distance(*expected), rel=1e-5)


def test_components_are_orthonormal_and_those_of_the_largest_variance():
    """Wide images and narrow ones take two ways to the same components."""
    x = normal(60, 1, 10, 10) * np.linspace(0.1, 2, 100).reshape(10, 10)
    for images in (x, x[:, :, :4]):
        found = PixelFeatures.of(images)
        rows = images.reshape(60, -1)
        variances = np.sort(np.linalg.eigvalsh(np.cov(rows, rowvar=False)))[::-1]
        q = found.axes.shape[1]
        np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(q), atol=1e-9)
        np.testing.assert_allclose(np.var(found(images), axis=0, ddof=1), variances[:q], rtol=1e-8)


# ---------------------------------------------------------------- evaluate without a classifier


def labeled(n, proportions, seed):
    """Images whose first pixels are their class; the label of a classifier below is wrong for some of them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=proportions)
    images = rng.random((n, 1, 3, 3)).astype(np.float32)
    images[:, 0, 0, 0] = labels / 2
    return sk.datasets.ImageData(images, labels.astype(np.int64), ("a", "b", "c"))


def confused(images):
    """Class c is called b for three in ten of its images."""
    labels = np.rint(2 * images[:, 0, 0, 0]).astype(int)
    return np.where((labels == 2) & (images[:, 0, 1, 1] < 0.3), 1, labels)


def test_proportions_are_corrected_for_the_confusions_of_the_classifier():
    training, held_out = labeled(600, [1 / 3] * 3, 0), labeled(3000, [1 / 3] * 3, 1)
    samples = labeled(4000, [0.1, 0.3, 0.6], 2)
    found = corrected_proportions(samples.images, training, held_out, confused)
    assert np.bincount(confused(samples.images))[1] / 4000 > 0.45  # 0.3 + 0.3 · 0.6
    np.testing.assert_allclose(found.proportions, [0.1, 0.3, 0.6], atol=0.04)
    assert np.all((found.lower <= [0.1, 0.3, 0.6]) & (found.upper >= [0.1, 0.3, 0.6]))
    assert found.confusion[2, 1] == pytest.approx(0.3, abs=0.06)
    assert found.accuracy == pytest.approx(0.9, abs=0.02)
    assert found.p_value == 1e-4
    assert "c as b 0." in str(found)
    assert corrected_proportions(held_out.images[::2], training, held_out[1::2], confused).p_value > 1e-3


def test_the_p_value_of_equal_labels_is_that_of_all_relabelings():
    """Two classes and unequal sizes: the hypergeometric distribution, summed over what is as far from its mean."""
    from scipy.stats import hypergeom

    n, m = 10, 40
    law, counts = hypergeom(n + m, 15, n), np.arange(n + 1)
    exact = np.sum(law.pmf(counts)[np.abs(counts - n * 15 / 50) >= abs(5 - n * 15 / 50)])
    found = _equal_labels(np.array([5, 5, 0]), np.array([10, 30, 0]), np.random.default_rng(0))
    assert found == pytest.approx(exact, abs=0.02)


def test_intervals_of_corrected_proportions_cover():
    """Of 40 runs of 3 classes 95 % cover; a binomial's bound at 1e-6 for 0.93 is 0.8."""
    proportions, covered = np.array([0.1, 0.3, 0.6]), []
    for seed in range(40):
        held_out, samples = labeled(150, [1 / 3] * 3, 2 * seed + 10), labeled(200, proportions, 2 * seed + 11)
        found = corrected_proportions(samples.images, held_out, held_out, confused)
        covered.append((found.lower <= proportions) & (proportions <= found.upper))
    assert np.mean(covered) > 0.8


def tiny(place, data, seed=0):
    about = {
        "seed": seed,
        "backend": "numpy",
        "data": data,
        "network": {"name": "MLP", "hidden": [4]},
        "noise": {"kind": "log-uniform", "sigma_max": 1.0, "sigma_min": 0.1},
        "train": {"steps": 1, "batch_size": 8},
        "sampler": {"levels": 2},
    }
    return sk.experiments.train(about, place, progress=False)


@pytest.fixture(scope="module")
def real_samples(tmp_path_factory):
    """A run on digits whose samples are real digits, every second of the held-out ones."""
    run = tiny(tmp_path_factory.mktemp("digits") / "run", {"name": "digits", "held_out": 0.3})
    folder = sk.experiments.RunFolder.open(run)
    place = sk.experiments.sample(run, 60, block=60, progress=False)
    held_out = sk.experiments.Parts(folder.experiment, folder.facts).data[1]
    return run, place, held_out


def test_real_digits_in_the_place_of_samples_have_the_numbers_of_real_images(real_samples, capsys, monkeypatch):
    from scorekit.experiments import evaluation

    run, _, held_out = real_samples
    monkeypatch.setattr(evaluation, "read_samples", lambda place: held_out.images[::2])
    found = sk.experiments.evaluate(run)
    out = capsys.readouterr().out
    assert "accuracy on 539 held-out images 0.9" in out
    assert "27 principal components of the pixels of training images" in out
    assert found["proportions_p_value"] > 1e-3
    assert found["classifier_accuracy"] > 0.95
    np.testing.assert_allclose(found["proportions"], held_out.counts / len(held_out), atol=0.08)
    assert found["precision"] > 0.95  # half of the held-out digits are the samples
    assert found["precision_real"] == pytest.approx(0.9, abs=0.1)
    json.loads(json.dumps(found, allow_nan=False))


def test_a_network_that_has_learned_nothing_is_far_from_the_data(real_samples, capsys):
    run, place, _ = real_samples
    found = sk.experiments.evaluate(run)
    assert found["frechet"] > 3 * found["frechet_real"]
    assert found["recall"] < 0.1 < found["recall_real"]
    assert json.loads((place / "evaluation.json").read_text()) == found


def test_too_few_samples_are_not_compared_and_it_is_said(real_samples, capsys, monkeypatch):
    from scorekit.experiments import evaluation

    monkeypatch.setattr(evaluation, "read_samples", lambda place: real_samples[2].images[:10])
    found = sk.experiments.evaluate(real_samples[0])
    assert "frechet" not in found
    assert "no distances on pixels for 10 samples" in capsys.readouterr().out
    assert len(found["proportions"]) == 10


# ---------------------------------------------------------------- image files


def test_image_files_hold_the_samples(tmp_path, capsys):
    """facebookresearch/pytorch_GAN_zoo#94: one file an image, to read with anything."""
    from PIL import Image

    run = tiny(tmp_path / "run", {"name": "shapes", "n": 60, "size": 8})
    place = sk.experiments.sample(run, 10, block=4, progress=False)
    assert not (place / "png").exists()
    assert main(["sample", str(run), "-n", "10", "--block", "4", "--png", "--quiet"]) == 0
    files = sorted((place / "png").iterdir())
    assert [file.name for file in files] == [f"{i:06d}.png" for i in range(10)]
    for file, image in zip(files, sk.experiments.read_samples(place), strict=True):
        with Image.open(file) as opened:
            assert opened.mode == "L"
            np.testing.assert_array_equal(np.asarray(opened), np.rint(255 * image[0]))
    times = [file.stat().st_mtime_ns for file in files]
    files[3].unlink()
    sk.experiments.sample(run, 10, block=4, png=True, progress=False)
    assert files[3].exists()
    assert [f.stat().st_mtime_ns for i, f in enumerate(files) if i != 3] == [t for i, t in enumerate(times) if i != 3]


def test_colors_and_links(tmp_path):
    images = np.zeros((2, 3, 4, 5), np.float32)
    images[0, 0], images[1, 2, 1, 2] = 1.0, 0.5
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "000007.png").symlink_to(tmp_path / "kept.txt")
    (tmp_path / "png" / "000008.png.partial").symlink_to(tmp_path / "kept.txt")
    write_images(tmp_path / "png", images, 7)
    assert (tmp_path / "kept.txt").read_text() == "kept"
    back = sk.datasets.image_folder(tmp_path / "png").images
    np.testing.assert_allclose(back, images, atol=0.5 / 255 + 1e-6)
    assert back.shape == (2, 3, 4, 5)
    (tmp_path / "link").symlink_to(tmp_path / "png")
    with pytest.raises(sk.CheckpointError, match="is a symbolic link"):
        write_images(tmp_path / "link", images, 0)
    with pytest.raises(sk.InvalidValueError, match="2 channels"):
        write_images(tmp_path / "png", images[:, :2], 0)


# ---------------------------------------------------------------- what is shown


def results():
    """One of each public result, with many numbers in it."""
    from scorekit_numpy import MLP

    x, rng = normal(2000, 2), np.random.default_rng(0)
    mixture = sk.distributions.GaussianMixture(np.ones(300) / 300, rng.normal(size=(300, 2)), 1.0)
    levels = sk.noise.Levels(np.geomspace(10, 0.1, 500))
    network = MLP(2, hidden=(64,) * 40, condition_dim=200)
    langevin = sk.samplers.Langevin(0.1, 4)
    objective = sk.objectives.NoiseConditional(levels)
    metrics = sk.metrics
    yield from (
        metrics.mode_weights(x, mixture),
        metrics.class_proportions(x, lambda x: (x[:, 0] > 0).astype(int), None, 500),
        metrics.nearest_neighbors(x[:900], x, 3),
        metrics.memorization(x[:500], x[500:], x[500:1400] + 0.1),
        metrics.precision_recall(x[:300], x[300:]),
        metrics.score_error(mixture.score, mixture, x),
        metrics.score_error_report(mixture.score, mixture, levels.sigmas[::50], n=100, rng=0),
        metrics.kernel_distance(x[:200], x[200:300]),
        metrics.c2st(x[:100], x[100:200], rng=0),
        metrics.mmd(x[:100], x[100:200], rng=0),
        metrics.kernel_stein_discrepancy(lambda x: -x, x[:50], rng=0),
        moments(normal(200, 100)),
        compare(normal(100, 5), normal(100, 5, seed=1)),
        langevin.sample(mixture.score, x, rng=0, keep_every=1),
        next(iter(langevin.iterate(mixture.score, x, rng=0))),
        sk.noise.design(x),
        objective.draw(x, rng=0),
        sk.fit(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1), x, steps=2, progress=False, rng=0),
    )
    held_out = labeled(60, [1 / 3] * 3, 0)
    yield corrected_proportions(held_out.images, held_out, held_out, confused)
    for plain in (
        mixture,
        levels,
        objective,
        sk.samplers.AnnealedLangevin(levels, 5, 1e-4),
        sk.distributions.Empirical(x),
        sk.models.condition(sk.models.Preconditioned(network, 1.0), np.ones(200)),
        sk.datasets.digits(),
    ):
        assert len(repr(plain)) < 300, repr(plain)


def test_reprs_are_short_and_notebooks_get_html():
    """statsmodels/statsmodels#7819, pydata/xarray#680: a result that prints its arrays fills the notebook."""
    for result in results():
        text, shown = repr(result), result._repr_html_()
        assert len(text) < 300, text
        assert "\n" not in text
        assert re.match("<(table|pre)>", shown), type(result)
        assert shown.count("<table>") == shown.count("</table>")
        assert "array([" not in shown + text


def test_html_is_escaped():
    x = normal(20, 1)
    names = ["<script>alert(1)</script>", "b & c"]
    shown = sk.metrics.class_proportions(x, lambda x: (x[:, 0] > 0).astype(int), [0.5, 0.5], names)._repr_html_()
    assert "<script>" not in shown
    assert "b &amp; c" in shown


def test_levels_with_one_repr_are_equal():
    """Folders of samples and resumed runs compare reprs, so a shortened one must tell levels apart."""
    values = np.geomspace(10, 0.1, 50)
    other = values.copy()
    other[25] *= 1 + 1e-12
    assert repr(sk.noise.Levels(values)) == repr(sk.noise.Levels(values.copy()))
    assert repr(sk.noise.Levels(values)) != repr(sk.noise.Levels(other))


def test_a_long_network_is_cut_inside_views():
    torch = pytest.importorskip("torch")
    layers = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(30)))
    shown = repr(sk.models.at(sk.models.Preconditioned(layers, 1.0), 0.5))
    assert shown.endswith("…, sigma_data=1.0, kind='edm'), level=0.5)")
    assert "\n" not in shown
