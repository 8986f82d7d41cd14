"""Noise levels, histories and image grids."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

import scorekit as sk
from scorekit import plot


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---------------------------------------------------------------- noise levels


def test_a_sequence_of_levels_is_its_levels_on_a_logarithmic_axis(ax):
    noise = sk.noise.Geometric(20.0, 0.01, 12)
    assert plot.noise_levels(noise, ax) is ax
    line = ax.lines[0]
    assert np.array_equal(line.get_xdata(), np.arange(1, 13))
    assert np.array_equal(line.get_ydata(), noise.sigmas)
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "level $i$ of 12"


@pytest.mark.parametrize("law", [sk.noise.LogUniform(10.0, 0.1), sk.noise.LogNormal(-1.2, 1.2)])
def test_a_law_is_its_density_over_log_sigma(ax, law):
    plot.noise_levels(law, ax)
    sigma, density = ax.lines[0].get_data()
    assert ax.get_xscale() == "log"
    assert np.trapezoid(density, np.log(sigma)) == pytest.approx(0.998, abs=2e-3)


def test_a_sequence_of_levels_of_one_and_of_very_many(ax):
    plot.noise_levels(sk.noise.Levels((1.0,)), ax)
    plot.noise_levels(sk.noise.Geometric(50.0, 0.01, 500), ax)
    assert [line.get_marker() for line in ax.lines] == ["o", "None"]
    ax.figure.canvas.draw()


def test_noise_of_the_wrong_kind():
    with pytest.raises(TypeError, match="expected noise levels or a distribution of them"):
        plot.noise_levels([1.0, 0.1])


# ---------------------------------------------------------------- history


def run(n=500):
    step = np.arange(1, n + 1)
    return SimpleNamespace(step=step, loss=np.sin(step) + 100 / step)


def test_the_lines_are_the_losses(ax):
    record = run()
    record.validation_step, record.validation_loss = np.array([100, 300, 500]), np.array([2.0, 1.0, 0.5])
    assert plot.history(record, ax, smoothing=3) is ax
    raw, smooth, validation = ax.lines
    assert np.array_equal(raw.get_ydata(), record.loss)
    assert smooth.get_ydata()[1:-1] == pytest.approx(np.convolve(record.loss, np.ones(3) / 3, "valid"))
    assert smooth.get_ydata()[0] == pytest.approx(record.loss[:2].mean())
    assert validation.get_xydata().tolist() == [[100, 2], [300, 1], [500, 0.5]]
    assert texts(ax) == ["each step", "mean of 3 steps", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


def test_without_smoothing_there_is_one_line(ax):
    plot.history(run(40), ax)
    assert len(ax.lines) == 1
    assert texts(ax) == ["training"]


def test_skipped_steps_leave_gaps_and_do_not_spread(ax):
    record = run(200)
    record.loss[50:60] = np.nan
    record.loss[70] = np.inf
    plot.history(record, ax, smoothing=5)
    smooth = ax.lines[1].get_ydata()
    assert np.all(np.isnan(smooth[52:58]))
    assert np.isfinite(smooth).sum() == 194
    assert smooth[70] == pytest.approx(record.loss[[68, 69, 71, 72]].mean())
    ax.figure.canvas.draw()


def test_outliers_do_not_flatten_the_picture_and_validation_is_in_it(ax):
    record = run(1000)
    record.loss[500] = 1e9
    record.validation_step, record.validation_loss = np.array([900]), np.array([40.0])
    plot.history(record, ax)
    assert 40 < ax.get_ylim()[1] < 110


def test_the_history_of_a_run(ax):
    history = sk.training.History()
    for step in range(1, 6):
        history.append(step=step, loss=1 / step, grad_norm=1.0, seconds=0.1, applied=True)
    plot.history(history, ax)
    assert np.array_equal(ax.lines[0].get_ydata(), history.loss)
    plot.history({"step": [1, 2], "loss": [2.0, 1.0]}, ax)
    assert ax.lines[-1].get_ydata().tolist() == [2, 1]


@pytest.mark.parametrize(
    ("record", "options", "kind", "message"),
    [
        (SimpleNamespace(step=[1]), {}, TypeError, "without step and loss"),
        (None, {}, TypeError, "result.history"),
        ({"step": [1, 2], "loss": [1.0]}, {}, sk.ShapeError, "step has shape (2,), loss has shape (1,)"),
        ({"step": [], "loss": []}, {}, sk.ShapeError, "not empty"),
        (run(), {"smoothing": 0}, ValueError, "smoothing must be at least 1"),
    ],
)
def test_errors_of_the_history(record, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        plot.history(record, **options)


# ---------------------------------------------------------------- images


def images(*shape):
    return np.random.default_rng(0).random(shape)


def sheet(ax):
    return np.asarray(ax.images[-1].get_array())


def test_tiles_stand_in_rows_from_the_top_left(ax):
    x = images(5, 4, 6)
    plot.image_grid(x, ax, columns=3, gap=2, limits=(0, 1))
    picture = sheet(ax)
    assert picture.shape == (2 * 4 + 2, 3 * 6 + 4, 4)
    assert picture[:4, 8:14, 0] == pytest.approx(x[1])
    assert picture[6:10, 0:6, 2] == pytest.approx(x[3])
    assert np.all(picture[:4, 6:8, 3] == 0)  # the gap is see-through
    assert np.all(picture[6:, 16:, 3] == 0)  # and so is what the last row lacks
    assert not ax.axison


def test_color_channels_first_or_last_and_gray_with_a_channel(ax):
    x = images(4, 3, 5, 7)
    for batch in (x, np.moveaxis(x, 1, -1)):
        plot.image_grid(batch, ax, columns=2, limits=(0, 1))
        assert sheet(ax)[:5, :7, :3] == pytest.approx(np.moveaxis(x[0], 0, -1))
    plot.image_grid(x[:, :1], ax, limits=(0, 1))
    assert sheet(ax)[:5, :7, 1] == pytest.approx(x[0, 0])


def test_one_scale_of_brightness_for_all(ax):
    x = np.array([-1.0, 0.0, 3.0])[:, None, None] * np.ones((3, 2, 2))
    plot.image_grid(x, ax, columns=3, gap=0)
    assert sheet(ax)[0, ::2, 0].tolist() == [0, 0.25, 1]
    plot.image_grid(x, ax, columns=3, gap=0, limits=(-1, 1))
    assert sheet(ax)[0, ::2, 0].tolist() == [0, 0.5, 1]
    plot.image_grid(np.ones((2, 3, 3)), ax)
    assert sheet(ax)[0, 0].tolist() == [0.5, 0.5, 0.5, 1]


def test_by_default_the_sheet_is_nearly_square_and_fewer_images_make_a_narrow_one(ax):
    plot.image_grid(images(16, 8, 8), ax)
    assert sheet(ax).shape[:2] == (35, 35)
    plot.image_grid(images(2, 8, 8), ax, columns=10)
    assert sheet(ax).shape[:2] == (8, 17)


def test_images_are_not_changed_and_axes_are_given_or_new(ax):
    x = images(3, 4, 4).astype(np.float32)
    copy = x.copy()
    assert plot.image_grid(x, ax) is ax
    assert plot.image_grid(x).figure is not ax.figure
    assert np.array_equal(x, copy)


@pytest.mark.parametrize(
    ("x", "options", "kind", "message"),
    [
        (images(4, 64), {}, sk.ShapeError, "images.reshape(n, height, width)"),
        (images(4, 2, 8, 8), {}, sk.ShapeError, "1 or 3 channels"),
        (images(4, 8, 8).astype(int), {}, TypeError, "real floating"),
        (images(4, 8, 8) * np.nan, {}, ValueError, "images holds NaN"),
        (images(4, 8, 8), {"limits": (1, 0)}, ValueError, "(black, white), ascending"),
        (images(4, 8, 8), {"columns": 0}, ValueError, "columns must be at least 1"),
        (images(4, 8, 8), {"gap": -1}, ValueError, "gap must be at least 0"),
    ],
)
def test_errors_of_the_grid(x, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        plot.image_grid(x, **options)
