"""The Python in README, the front page, the guide and the theory runs as it stands, and what pages link to is there."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import scorekit as sk
import scorekit_numpy

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/index.md", "docs/guide.md"]
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (100, 200, 300, 400))]
THEORY = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs/theory").glob("*.md") if page.stem != "index")


def run(page: str, seed: int = 0) -> dict[str, Any]:
    """The names of a page after its Python has run, with ``seed`` added to every seed that it writes."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert blocks
    code = re.sub(r"(rng=|default_rng\()(\d+)", lambda seen: seen[1] + str(int(seen[2]) + seed), "\n".join(blocks))
    names: dict[str, Any] = {"__name__": page}
    exec(compile(code, page, "exec"), names)
    return names


@pytest.fixture(params=SEEDS)
def seed(request, tmp_path, monkeypatch):
    """A seed for everything random in a page, also for what the page leaves to the default 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sk, "fit", partial(sk.fit, rng=request.param))
    monkeypatch.setattr(scorekit_numpy, "MLP", partial(scorekit_numpy.MLP, rng=request.param))
    return request.param


def holds(printed):
    """Whether each printed interval contains its truth."""
    return ((printed.lower <= printed.truth) & (printed.truth <= printed.upper)).all()


def test_the_readme_prints_proportions_that_agree_with_the_truth(seed, capsys):
    found = run("README.md", seed)
    printed = sk.metrics.mode_weights(found["samples"].x, found["mixture"], level=0.99)
    assert str(printed) in capsys.readouterr().out
    assert printed.truth.tolist() == [0.8, 0.2]
    assert holds(printed)


def test_the_front_page_has_the_code_of_the_readme():
    pages = [(ROOT / page).read_text() for page in ("README.md", "docs/index.md")]
    first, second = (re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) for page in pages)
    assert first == second


def test_the_guide_prints_comparisons_that_agree_with_the_truth(seed, capsys):
    found = run("docs/guide.md", seed)
    printed = sk.metrics.mode_weights(found["fewer"].x, found["mixture"], level=0.99)
    assert str(printed) in capsys.readouterr().out
    assert holds(printed)
    samples, true = (sk.metrics.sliced_wasserstein(x, found["one"]) for x in (found["fewer"].x, found["other"]))
    assert samples < true + 0.5  # a proportion that is wrong by 0.03 moves it by 0.3
    rows = (found["rows"] - [0.0, 500.0]) / [1.0, 1000.0]  # of columns with deviations 1 and 1000
    squares = ((rows[:, None] - [[1.0, 1.0], [-1.0, -1.0]]) ** 2 / 0.09).sum(axis=2)
    assert (squares.min(axis=1) < 13.8).mean() > 0.95  # the place of all but 0.1 % of a mode
    assert abs((rows[:, 0] > 0).mean() - 0.7) < 0.08


@pytest.mark.parametrize("seed", SEEDS)
def test_the_page_on_evaluation_finds_what_it_built_in(seed):
    found = run("docs/evaluation.md", seed)
    images, classify = found["samples"], found["classify"]
    made = sk.metrics.class_proportions(images, classify, truth=[0.4, 0.6], classes=["lying", "upright"], level=0.9999)
    assert holds(made)  # the samples have 0.6
    said = sk.metrics.class_proportions(images, classify, truth=[0.2, 0.8], classes=["lying", "upright"])
    assert not holds(said)
    assert sk.metrics.memorization(images, found["training"], found["held_out"]).p_value > 1e-3
    generated, unseen = (sk.metrics.frechet_distance(found["real"], found[name]) for name in ("generated", "unseen"))
    assert generated > unseen


@pytest.mark.parametrize("page", THEORY)
def test_a_page_of_theory_ends_with_a_check_that_holds(page):
    text = (ROOT / page).read_text()
    assert text.count("```python") == 1
    assert re.search(r"^assert .*```\s*$", text[text.index("## Checked") :], flags=re.DOTALL | re.MULTILINE)
    run(page)


@pytest.mark.parametrize("page", THEORY)
def test_every_displayed_equation_has_a_name(page):
    rest = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^\$\$ \([a-z0-9-]+\)$", rest, flags=re.MULTILINE)) * 2 == rest.count("$$")


def test_every_test_that_the_comparison_rests_on_is_there():
    cited = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/comparison.md").read_text())
    assert len(cited) > 10
    for path, name in cited:
        assert f"def {name}" in (ROOT / path).read_text(), f"{path}::{name}"


@pytest.mark.parametrize(
    "page", [*PAGES, "docs/comparison.md", "docs/performance.md", "CONTRIBUTING.md", "SECURITY.md"]
)
def test_what_a_page_links_to_exists(page):
    here = (ROOT / page).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text()):
        assert (here / target).exists() or target.startswith("examples/"), target  # the build writes these
