"""Strips and films of images, and the overlaps of noise levels."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import scorekit as sk
from scorekit import plot

KEPT, N, H, W = 7, 3, 4, 5


def states(*event):
    """State k holds k + noise, so that a tile tells where it comes from."""
    noise = np.random.default_rng(0).random((KEPT, N, *event))
    return np.arange(KEPT).reshape(-1, *[1] * (len(event) + 1)) + noise


def sheet(ax):
    return np.asarray(ax.images[-1].get_array())


def labels_of(ax):
    return [tick.get_text() for tick in ax.get_xticklabels()]


def samples(sampler=None, keep_every=2):
    sampler = sampler or sk.samplers.AnnealedLangevin([2.0, 1.0, 0.5], 2, 0.1)
    x0 = np.random.default_rng(1).normal(size=(N, 1, H, W))
    return sampler.sample(lambda x, sigma: -x / (1 + sigma**2), x0, rng=0, keep_every=keep_every)


class TestStrip:
    def test_rows_are_samples_and_columns_are_states(self, ax):
        x = states(H, W)
        assert plot.image_strip(x, ax, columns=3, gap=2, limits=(0, 10)) is ax
        picture = sheet(ax)
        assert picture.shape == (N * H + 2 * 2, 3 * W + 2 * 2, 4)
        for row in range(N):
            for column, k in enumerate((0, 3, 6)):
                top, left = row * (H + 2), column * (W + 2)
                assert picture[top : top + H, left : left + W, 1] == pytest.approx(x[k, row] / 10)
        assert labels_of(ax) == ["state 1", "state 4", "state 7"]
        assert ax.get_xticks().tolist() == [2, 9, 16]  # in the middle of each column
        ax.figure.canvas.draw()

    def test_color_channels_first_or_last(self, ax):
        x = states(3, H, W)
        for batch in (x, np.moveaxis(x, 2, -1)):
            plot.image_strip(batch, ax, limits=(0, 10), gap=0)
            assert sheet(ax)[:H, :W, :3] == pytest.approx(np.moveaxis(x[0, 0], 0, -1) / 10)

    def test_by_default_the_last_state_sets_the_scale_and_the_rest_is_clipped(self, ax):
        x = np.array([-9.0, 9.0, 0.0])[:, None, None, None] + np.linspace(0, 1, 4).reshape(1, 1, 2, 2)
        plot.image_strip(x, ax, gap=0)
        assert sheet(ax)[..., 0] == pytest.approx(np.array([[0, 0, 1, 1, 0, 1 / 3], [0, 0, 1, 1, 2 / 3, 1]]))
        plot.image_strip(np.ones((2, 1, 2, 2)), ax, gap=0)
        assert np.all(sheet(ax)[..., :3] == 0.5)

    def test_no_more_rows_and_columns_than_there_are(self, ax):
        plot.image_strip(states(H, W), ax, rows=2, columns=100, gap=0)
        assert sheet(ax).shape[:2] == (2 * H, KEPT * W)

    def test_one_state_a_level_with_its_noise_level(self, ax):
        run = samples()
        plot.image_strip(run, ax, gap=0, limits=(-3, 3))
        assert labels_of(ax) == ["σ = 2", "σ = 1", "σ = 0.5", "denoised"]
        assert sheet(ax)[:H, -W:, 0] == pytest.approx(np.clip((run.x[0, 0] + 3) / 6, 0, 1))
        run = samples(sk.samplers.ConsistentAnnealed([2.0, 1.0, 0.5], steps_per_level=2))
        plot.image_strip(run, ax)
        assert labels_of(ax) == ["σ = 1.41", "σ = 0.707", "denoised"]

    def test_labels_of_ones_own_and_of_a_sampler_without_levels(self, ax):
        plot.image_strip(states(H, W), ax, labels=list("abcdefg"), columns=2)
        assert labels_of(ax) == ["a", "g"]
        x0 = np.zeros((2, H, W))
        plot.image_strip(sk.samplers.Langevin(0.1, 4).sample(lambda x: -x, x0, rng=0, keep_every=2), ax)
        assert labels_of(ax) == ["step 2", "step 4"]

    def test_tensors_and_a_figure_of_its_own(self):
        torch = pytest.importorskip("torch")
        ax = plot.image_strip(torch.tensor(states(1, H, W)), limits=(0, 10), gap=0)
        assert sheet(ax)[:H, :W, 0] == pytest.approx(states(1, H, W)[0, 0, 0] / 10)


class TestFilm:
    def frames(self, path):
        with Image.open(path) as film:
            for k in range(film.n_frames):
                film.seek(k)
                yield np.asarray(film.convert("L"), dtype=float)

    def test_the_gif_has_the_states_in_their_order(self, tmp_path):
        x = np.linspace(0, 1, KEPT)[:, None, None, None] * np.ones((KEPT, N, H, W))
        plot.animate_images(x, tmp_path / "a.gif", limits=(0, 1), columns=3, gap=0)
        gray = [frame[frame.shape[0] // 2, frame.shape[1] // 2] for frame in self.frames(tmp_path / "a.gif")]
        assert gray == pytest.approx(255 * np.linspace(0, 1, KEPT), abs=3)

    def test_every_and_long_runs(self, tmp_path):
        plot.animate_images(states(H, W), tmp_path / "a.gif", every=5)
        assert len(list(self.frames(tmp_path / "a.gif"))) == 3  # states 1, 6, 7
        plot.animate_images(np.random.default_rng(0).random((200, 1, 2, 2)), tmp_path / "b.gif", dpi=20)
        assert 50 <= len(list(self.frames(tmp_path / "b.gif"))) <= 70

    def test_a_frame_is_a_grid_with_its_name(self, ax, tmp_path):
        run = samples()
        animation = plot.animate_images(run, ax=ax, columns=2, gap=0, limits=(-3, 3))
        animation._func(2)
        assert ax.get_title() == "σ = 0.5"
        shades = np.clip((run.trajectory[2, :, 0] + 3) / 6, 0, 1)
        assert sheet(ax)[:H, W:, 0] == pytest.approx(shades[1])
        assert sheet(ax)[H:, :W, 0] == pytest.approx(shades[2])
        animation._func(3)
        assert ax.get_title() == "denoised"
        animation.save(tmp_path / "c.gif", writer="pillow")

    def test_the_last_state_sets_the_scale(self, ax, tmp_path):
        x = np.array([-9.0, 9.0, 0.0])[:, None, None, None] + np.linspace(0, 1, 4).reshape(1, 1, 2, 2)
        animation = plot.animate_images(x, ax=ax, gap=0)
        for k, shades in enumerate([[0] * 4, [1] * 4, [0, 1 / 3, 2 / 3, 1]]):
            animation._func(k)
            assert sheet(ax)[..., 0].ravel() == pytest.approx(shades)
        animation.save(tmp_path / "c.gif", writer="pillow")


@pytest.mark.parametrize("draw", [plot.image_strip, plot.animate_images])
@pytest.mark.parametrize(
    ("x", "options", "kind", "message"),
    [
        (states(), {}, sk.ShapeError, "trajectory has shape (7, 3): expected (kept, n, c, h, w)"),
        (states(2, H, W), {}, sk.ShapeError, "1 or 3 channels"),
        (states(H, W).astype(int), {}, TypeError, "real floating"),
        (states(H, W) * np.nan, {}, ValueError, "trajectory holds NaN"),
        (states(H, W), {"limits": (1, 0)}, ValueError, "(black, white), ascending"),
        (states(H, W), {"columns": 0}, ValueError, "columns must be at least 1"),
        (states(H, W), {"gap": -1}, ValueError, "gap must be at least 0"),
        (states(H, W), {"labels": ["a"]}, sk.ShapeError, "there are 1 labels for 7 kept states"),
        (samples(keep_every=None), {}, TypeError, "the samples have no trajectory: expected (kept, n, c, h, w)"),
        (None, {}, TypeError, "trajectory is None"),
    ],
)
def test_what_cannot_be_drawn(draw, x, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        draw(x, **options)


def test_options_of_one_of_the_two():
    with pytest.raises(ValueError, match="rows must be at least 1"):
        plot.image_strip(states(H, W), rows=0)
    for options in ({"fps": 0}, {"dpi": 0}, {"every": 0}, {"path": "film.mp4"}, {"path": "/no/such/folder/a.gif"}):
        with pytest.raises(ValueError, match=r"positive|at least 1|ends in .gif|does not exist"):
            plot.animate_images(states(H, W), **options)


class TestOverlaps:
    def test_they_stand_between_the_levels_on_an_axis_of_their_own(self, ax):
        levels = sk.noise.Levels((3.0, 2.5, 1.0))
        assert plot.noise_levels(levels, ax, dim=10) is ax
        assert np.array_equal(ax.lines[0].get_ydata(), levels.sigmas)
        right = ax.figure.axes[-1]
        assert right.lines[0].get_xdata().tolist() == [1.5, 2.5]
        assert np.array_equal(right.lines[0].get_ydata(), sk.noise.overlaps(levels, 10))
        assert right.get_ylim() == (0, 1)
        ax.figure.canvas.draw()

    def test_a_designed_levels_knows_its_dimension_and_others_have_none(self, ax):
        noise = sk.noise.design(np.random.default_rng(0).normal(size=(9, 50)))
        plot.noise_levels(noise, ax)
        assert ax.figure.axes[-1].lines[0].get_ydata() == pytest.approx(noise.overlap)
        assert len(plot.noise_levels(sk.noise.Geometric(2.0, 1.0, 3)).figure.axes) == 1

    @pytest.mark.parametrize(
        ("noise", "dim", "message"),
        [
            (sk.noise.LogUniform(2.0, 1.0), 3, "is a continuous distribution without levels: omit dim"),
            (sk.noise.Levels((1.0,)), 3, "one level has no overlaps"),
            (sk.noise.Geometric(2.0, 1.0, 3), 0, "dim must be at least 1"),
        ],
    )
    def test_a_dimension_that_is_of_no_use(self, noise, dim, message):
        with pytest.raises(ValueError, match=message):
            plot.noise_levels(noise, dim=dim)


def test_a_figure_that_is_closed_is_written_and_forgotten(tmp_path):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    ax = plot.image_grid(np.zeros((4, 8, 8)))
    assert len(pyplot.get_fignums()) == len(before) + 1
    plot.write(ax.figure, tmp_path / "grid.png", close=True)
    assert pyplot.get_fignums() == before
    assert (tmp_path / "grid.png").exists()
