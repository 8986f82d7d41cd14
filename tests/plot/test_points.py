"""Samples, paths and animations show the numbers that they were given."""

from __future__ import annotations

import itertools
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest

import scorekit as sk
from scorekit import plot


def walk(kept=12, n=30, seed=0):
    return np.random.default_rng(seed).normal(size=(kept, n, 2)).cumsum(axis=0)


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---------------------------------------------------------------- samples


def test_the_dots_are_the_samples_over_the_reference(ax):
    x, reference = walk()[0], walk(seed=1)[3]
    plot.samples(x, ax, reference=reference)
    below, above = ax.collections
    assert np.array_equal(above.get_offsets(), x)
    assert np.array_equal(below.get_offsets(), reference)
    assert below.get_zorder() < above.get_zorder()
    assert set(texts(ax)) == {"samples (30)", "held-out data (30)"}
    assert ax.get_aspect() == 1


def test_names_size_and_what_the_limits_hide(ax):
    x = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, -7.0]])
    plot.samples(x, ax, limits=4, labels=("chains", ""), size=9.0)
    assert texts(ax) == ["chains (3, 2 outside)"]
    assert ax.get_xlim() == (-4, 4)
    assert ax.collections[0].get_sizes() == [9]


def test_by_default_every_sample_is_shown(ax):
    x, reference = walk()[-1], 10 + walk()[0]
    plot.samples(x, ax, reference=reference)
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    assert np.all((np.concatenate([x, reference]) > low) & (np.concatenate([x, reference]) < high))


def test_many_points_draw_without_a_warning_and_one_point_too(ax):
    plot.samples(np.random.default_rng(0).normal(size=(200_000, 2)).astype(np.float32), ax)
    ax.figure.canvas.draw()
    ax.clear()
    plot.samples(np.ones((1, 2)), ax)
    ax.figure.canvas.draw()


@pytest.mark.parametrize(("corner", "code"), [((1, 1), 1), ((-1, 1), 2), ((-1, -1), 3), ((1, -1), 4)])
def test_the_legend_stands_in_the_corner_without_points(ax, corner, code):
    """Matplotlib numbers the corners 1 to 4, from the upper right against the clock."""
    others = np.array([c for c in [(1, 1), (-1, 1), (-1, -1), (1, -1)] if c != corner], dtype=float)
    plot.samples(others + 0.05 * walk()[0][:3], ax, limits=1.5)
    assert ax.get_legend()._loc == code


# ---------------------------------------------------------------- chains


def test_the_paths_are_the_chains(ax):
    states = walk(n=5)
    plot.chains(states, ax)
    paths, start, end = ax.collections
    assert np.array_equal(np.stack(paths.get_segments(), axis=1), states)
    assert np.array_equal(start.get_offsets(), states[0])
    assert np.array_equal(end.get_offsets(), states[-1])
    assert texts(ax) == ["5 chains", "start", "end"]
    assert not np.array_equal(start.get_facecolor(), end.get_facecolor())


def test_of_many_chains_some_are_shown_and_all_are_counted(ax, mixture):
    plot.chains(walk(n=101), ax, most=11, background=mixture, limits=9)
    assert len(ax.collections[-3].get_segments()) == 11
    assert np.array_equal(ax.collections[-1].get_offsets(), walk(n=101)[-1, ::10])
    assert texts(ax) == ["11 of 101 chains", "start", "end", "50, 90, 99 % of the mass"]


def test_what_a_sampler_returns_can_be_given(ax, mixture):
    sampler = sk.samplers.Langevin(step_size=0.1, steps=20)
    x0 = np.random.default_rng(0).normal(size=(6, 2))
    samples = sampler.sample(mixture.score, x0, rng=0, keep_every=2)
    plot.chains(samples, ax)
    assert np.array_equal(ax.collections[-1].get_offsets(), samples.trajectory[-1])
    with pytest.raises(TypeError, match="keep_every=10"):
        plot.chains(sampler.sample(mixture.score, x0, rng=0), ax)


# ---------------------------------------------------------------- animations


def gif_frames(path):
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        return [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(image)]


def test_the_gif_has_the_frames_and_moves(tmp_path, mixture):
    path = tmp_path / "chains.gif"
    animation = plot.animate_chains(walk(kept=7), path, background=mixture, every=2, dpi=40)
    frames = gif_frames(path)
    assert len(frames) == 4  # states 1, 3, 5, 7
    assert frames[0].shape == (160, 160)
    assert all(np.any(a != b) for a, b in itertools.pairwise(frames))
    assert type(animation).__name__ == "FuncAnimation"


def test_the_last_state_is_always_shown(tmp_path):
    plot.animate_chains(walk(kept=6), tmp_path / "a.gif", every=4, dpi=30)
    assert len(gif_frames(tmp_path / "a.gif")) == 3  # states 1, 5, 6


def test_each_frame_shows_its_state(ax):
    states = walk(kept=5)
    animation = plot.animate_chains(states, ax=ax, every=2)
    dots = ax.collections[0]
    for number, state in enumerate([0, 2, 4]):
        animation._draw_frame(list(animation.new_frame_seq())[number])
        assert np.array_equal(dots.get_offsets(), states[state])
        assert ax.get_title() == f"30 chains, state {state + 1} of 5"
    animation.to_jshtml()


def test_the_speed_is_the_asked_one(tmp_path):
    from PIL import Image

    plot.animate_chains(walk(kept=3), tmp_path / "a.gif", fps=20, dpi=30)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["duration"] == 50


@pytest.mark.slow
def test_a_long_run_of_many_chains_is_a_small_file(tmp_path, mixture):
    states = walk(kept=600, n=1000) / 10
    plot.animate_chains(states, tmp_path / "long.gif", background=mixture, limits=9)
    assert 50 <= len(gif_frames(tmp_path / "long.gif")) <= 70
    assert (tmp_path / "long.gif").stat().st_size < 3e6


def test_no_figure_of_pyplots_is_made(tmp_path):
    from matplotlib import pyplot as plt

    plot.animate_chains(walk(kept=2), tmp_path / "a.gif", dpi=30)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing/chains.gif", "does not exist. Create it first"), ("chains.mp4", "ends in .gif"), ("full.gif", "folder")],
)
def test_a_path_that_cannot_be_written_is_refused_before_drawing(tmp_path, name, message):
    (tmp_path / "full.gif").mkdir()
    with pytest.raises(ValueError, match=re.escape(message)):
        plot.animate_chains(walk(), tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="no permission"):
        plot.animate_chains(walk(), tmp_path / "chains.gif")


def test_a_disk_that_fails_is_said(tmp_path, monkeypatch):
    from matplotlib.animation import PillowWriter

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PillowWriter, "finish", full)
    with pytest.raises(ValueError, match="No space left on device"):
        plot.animate_chains(walk(kept=2), tmp_path / "chains.gif", dpi=30)


# ---------------------------------------------------------------- all of them


def test_inputs_are_not_changed(ax, tmp_path):
    states = walk()
    states.flags.writeable = False
    copy = states.copy()
    plot.samples(states[0], ax, reference=states[1])
    plot.chains(states, ax)
    plot.animate_chains(states, tmp_path / "a.gif", dpi=30)
    assert np.array_equal(states, copy)


@pytest.mark.parametrize("draw", [plot.samples, plot.chains])
def test_the_axes_are_the_given_ones_or_new(ax, draw):
    data = walk() if draw is plot.chains else walk()[0]
    assert draw(data, ax) is ax
    assert draw(data).figure is not ax.figure


@pytest.mark.parametrize(
    ("draw", "data", "options", "kind", "message"),
    [
        (
            plot.samples,
            np.ones((5, 3)),
            {},
            sk.ShapeError,
            "expected (n, 2), points in the plane. Choose two coordinates",
        ),
        (plot.samples, np.ones((5, 1)), {}, sk.ShapeError, "expected (n, 2)"),
        (plot.samples, np.ones((5, 2, 2)), {}, sk.ShapeError, "expected (n, 2)"),
        (plot.samples, np.full((5, 2), np.nan), {}, ValueError, "x holds NaN"),
        (plot.samples, np.ones((0, 2)), {}, sk.ShapeError, "at least one sample"),
        (plot.samples, [[1.0, 2.0]], {}, TypeError, "numpy.asarray"),
        (plot.samples, np.ones((5, 2)), {"reference": np.ones((5, 3))}, sk.ShapeError, "reference has shape (5, 3)"),
        (plot.samples, np.ones((5, 2)), {"size": -1}, ValueError, "size must be positive"),
        (plot.chains, np.ones((5, 2)), {}, sk.ShapeError, "expected (kept, n, 2)"),
        (plot.chains, np.ones((5, 4, 3)), {}, sk.ShapeError, "trajectory[..., :2]"),
        (plot.chains, walk(), {"most": 0}, ValueError, "most must be at least 1"),
        (plot.chains, SimpleNamespace(trajectory=None), {}, TypeError, "have no trajectory"),
        (plot.animate_chains, np.ones((5, 2)), {}, sk.ShapeError, "expected (kept, n, 2)"),
        (plot.animate_chains, walk(), {"every": 0}, ValueError, "every must be at least 1"),
        (plot.animate_chains, walk(), {"fps": 0}, ValueError, "fps must be positive"),
    ],
)
def test_errors(draw, data, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        draw(data, **options)
    from matplotlib import pyplot as plt

    assert plt.get_fignums() == []
