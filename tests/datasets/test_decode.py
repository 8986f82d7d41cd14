"""One image file: every kind of pixel is converted rightly, or refused by name."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

import scorekit as sk
from support.image_files import png, rgb

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (9, 12), np.uint8)
COLOR = RNG.integers(0, 256, (9, 12, 3), np.uint8)


def read(tmp_path, content, name="a.png", **options):
    folder = tmp_path / "pictures"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return sk.datasets.image_folder(folder, **options)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bytes_of(data):
    """The only image as (h, w, c) in 0 … 255."""
    pixels = data.images[0] * 255
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-4)
    return np.moveaxis(np.rint(pixels), 0, -1)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_eight_bits_are_what_they_are(tmp_path, kind):
    data = read(tmp_path, saved(Image.fromarray(COLOR), kind), f"a.{kind.lower()}")
    np.testing.assert_array_equal(bytes_of(data), COLOR)
    assert (data.shape, data.levels) == ((1, 3, 9, 12), 256)
    gray = read(tmp_path, saved(Image.fromarray(GRAY), kind), f"a.{kind.lower()}")
    np.testing.assert_array_equal(bytes_of(gray)[..., 0], GRAY)


def test_a_hand_written_png(tmp_path):
    np.testing.assert_array_equal(bytes_of(read(tmp_path, png(COLOR.reshape(9, -1), 8, 2))), COLOR)
    np.testing.assert_array_equal(bytes_of(read(tmp_path, png(GRAY, 8, 0)))[..., 0], GRAY)
    bits = read(tmp_path, png([[0b10110000], [0b00000001]], 1, 0))
    np.testing.assert_array_equal(bits.images[0, 0], [[1, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]])


def test_palettes_become_their_colors(tmp_path):
    palette = bytes([255, 0, 0, 0, 128, 0, 7, 8, 9])
    content = png([[0, 1], [2, 0]], 8, 3, palette=palette)
    expected = [[[255, 0, 0], [0, 128, 0]], [[7, 8, 9], [255, 0, 0]]]
    np.testing.assert_array_equal(bytes_of(read(tmp_path, content)), expected)
    clear = png([[0, 1], [2, 0]], 8, 3, palette=palette, transparency=bytes([0, 255, 100]))
    with pytest.raises(
        sk.DatasetError, match=r"a.png: it has transparent pixels: pass background='white', .*or channels=4"
    ):
        read(tmp_path, clear)
    np.testing.assert_array_equal(bytes_of(read(tmp_path, clear, channels=4))[..., 3], [[0, 255], [100, 0]])


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    values = np.array([[0, 1, 255, 256], [32768, 40000, 65534, 65535]], np.uint16)
    expected = (values / 65535).astype(np.float32)
    for content, name in [
        (png(values.astype(">u2").view(np.uint8), 16, 0), "a.png"),
        (saved(Image.fromarray(values), "TIFF"), "a.tif"),
        (b"P5\n4 2\n65535\n" + values.astype(">u2").tobytes(), "a.pgm"),
    ]:
        place = tmp_path / name
        place.mkdir()
        data = read(place, content, name)
        np.testing.assert_allclose(data.images[0, 0], expected, rtol=1e-6)
        assert data.levels == 65536
        assert read(place, content, name, channels=3).shape == (1, 3, 2, 4)
        with pytest.raises(
            sk.DatasetError, match="it has 16 bits per pixel and no alpha channel: expected channels=1 or 3"
        ):
            read(place, content, name, channels=4)
        smaller = read(place, content, name, size=(1, 2))
        assert smaller.levels is None
        assert abs(smaller.images.mean() - expected.mean()) < 0.1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (png(np.zeros((2, 12), np.uint8), 16, 2), "a.png"),
        (png(np.zeros((2, 16), np.uint8), 16, 6), "a.png"),
        (png(np.zeros((2, 8), np.uint8), 16, 4), "a.png"),
        (b"P6\n2 2\n65535\n" + bytes(24), "a.ppm"),
    ],
)
def test_sixteen_bits_of_color_are_not_halved_in_silence(tmp_path, content, name):
    with pytest.raises(sk.DatasetError, match="it has 16 bits per color channel, and Pillow reads only 8"):
        read(tmp_path, content, name, channels=4)


def test_alpha_only_when_asked(tmp_path):
    pixels = RNG.integers(0, 256, (5, 4, 4), np.uint8)
    content = png(pixels.reshape(5, -1), 8, 6)
    for channels in (None, 1, 3):
        with pytest.raises(sk.DatasetError, match="it has transparent pixels: pass background"):
            read(tmp_path, content, channels=channels)
    np.testing.assert_array_equal(bytes_of(read(tmp_path, content, channels=4)), pixels)
    opaque = bytes_of(read(tmp_path, png(COLOR.reshape(9, -1), 8, 2), channels=4))
    np.testing.assert_array_equal(opaque, np.concatenate([COLOR, np.full((9, 12, 1), 255)], axis=2))


def test_gray_and_color_when_asked(tmp_path):
    as_color = bytes_of(read(tmp_path, png(GRAY, 8, 0), channels=3))
    np.testing.assert_array_equal(as_color, np.repeat(GRAY[..., None], 3, axis=2))
    luma = COLOR @ [0.299, 0.587, 0.114]
    as_gray = bytes_of(read(tmp_path, png(COLOR.reshape(9, -1), 8, 2), channels=1))[..., 0]
    np.testing.assert_allclose(as_gray, luma, atol=1)


def test_cmyk_becomes_colors(tmp_path):
    flat = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for kind, name in (("TIFF", "a.tif"), ("JPEG", "b.jpg")):
        (tmp_path / kind).mkdir()
        data = read(tmp_path / kind, saved(flat, kind), name)
        np.testing.assert_allclose(bytes_of(data)[4, 4], [0, 255, 255], atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path, orientation):
    """A camera that is held sideways writes the sensor's rows and, in EXIF, how to turn them."""
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255  # bright at the top left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = read(tmp_path, saved(Image.fromarray(stored), "JPEG", exif=exif, quality=95), "a.jpg")
    assert data.shape == (1, 3, 16, 32)
    np.testing.assert_allclose(data.images[0, 0] > 0.5, upright[..., 0] > 128)


def test_crop_takes_the_middle_and_size_keeps_proportions(tmp_path):
    columns = np.tile(np.arange(12, dtype=np.uint8), (8, 1))
    cropped = bytes_of(read(tmp_path, png(columns, 8, 0), crop=4))[..., 0]
    np.testing.assert_array_equal(cropped, np.tile([4, 5, 6, 7], (4, 1)))
    halved = bytes_of(read(tmp_path, png(10 * columns, 8, 0), size=4))[..., 0]  # 12×8 → middle 8×8 → 4×4
    np.testing.assert_allclose(halved, np.tile([25, 45, 65, 85], (4, 1)), atol=3)
    wide = read(tmp_path, png(10 * columns, 8, 0), size=(2, 3))
    assert wide.shape == (1, 1, 2, 3)
    assert read(tmp_path, png(columns, 8, 0), crop=(2, 6)).shape == (1, 1, 2, 6)
    with pytest.raises(sk.DatasetError, match="it is 8×12, smaller than the crop of 9×9"):
        read(tmp_path, png(columns, 8, 0), crop=9)


def bomb(side: int) -> bytes:
    """A file of one pixel whose header declares a square."""
    return png([[0]], 8, 0).replace(struct.pack(">II", 1, 1), struct.pack(">II", side, side))


def with_crc(content: bytes) -> bytes:
    """The header's checksum, made right again."""
    header = content[12:29]
    return content[:29] + struct.pack(">I", zlib.crc32(header)) + content[33:]


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_decompression_bombs(tmp_path, side):
    """Pillow warns beyond its limit of 89 million pixels, and raises beyond twice that."""
    content = with_crc(bomb(side))
    with pytest.raises(
        sk.DatasetError, match=r"a.png: it declares more than 89,478,485 pixels, which looks like a decompression"
    ):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.png", "it is damaged or not an image .cannot identify image file."),
        (b"hello", "a.jpg", "it is damaged or not an image"),
        (rgb(64, 64)[:-300], "a.png", "it is damaged or not an image"),
        (rgb(64, 64, kind="JPEG")[:-900], "a.jpg", "it is damaged or not an image .*truncated"),
        (bomb(9), "a.png", "it is damaged or not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a.png", "it is damaged or not an image"),
        (saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), "a.tif", "it has the mode F: expected 8 bits"),
        (saved(Image.fromarray(np.zeros((4, 4), np.int32)), "TIFF"), "a.tif", "it has the mode I: expected 8 bits"),
        (saved(Image.new("LAB", (4, 4)), "TIFF"), "a.tif", "it has the mode LAB: expected 8 bits"),
        (
            saved(Image.new("L", (4, 4)), "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 9)]),
            "a.gif",
            "it has 2 frames or pages: expected one image",
        ),
    ],
)
def test_what_is_no_image(tmp_path, content, name, message):
    with pytest.raises(sk.DatasetError, match=f"none of the 1 images in .*pictures can be read: {name}: {message}"):
        read(tmp_path, content, name)


def test_bits_that_flip_are_an_error_or_an_image(tmp_path):
    """Whatever Pillow's readers raise on a damaged file arrives as DatasetError."""
    refused = read_all_the_same = 0
    for kind, name in (("PNG", "a.png"), ("JPEG", "a.jpg"), ("TIFF", "a.tif"), ("GIF", "a.gif"), ("BMP", "a.bmp")):
        (tmp_path / kind).mkdir()
        good = rgb(12, 12, kind=kind)
        for _ in range(40):
            content = bytearray(good)
            for place in RNG.integers(0, min(len(good), 200), 3):
                content[place] ^= 1 << RNG.integers(8)
            try:
                data = read(tmp_path / kind, bytes(content), name)
            except sk.DatasetError as error:
                refused += name in str(error)
            else:
                read_all_the_same += data.images.min() >= 0
    assert refused + read_all_the_same == 200
    assert refused > 50


def test_without_pillow_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (
        lambda: sk.datasets.image_folder(tmp_path),
        lambda: sk.datasets.celeba(tmp_path),
        lambda: sk.datasets.hub("a"),
    ):
        with pytest.raises(sk.MissingBackendError, match=r"python -m pip install pillow"):
            call()
