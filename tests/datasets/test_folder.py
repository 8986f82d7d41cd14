"""Folders and archives of images."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import scorekit as sk
from scorekit.datasets import _archives, _collect
from support.image_files import png, rgb

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8)
FILES = [png(p.reshape(5, -1), 8, 2) for p in PICTURES]


def fill(folder, names, files=FILES):
    for name, content in zip(names, files, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(path, names, files=FILES):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(names, files, strict=False):
            archive.writestr(name, content)
    return path


def pixels(data):
    return np.moveaxis(np.rint(data.images * 255), 1, -1)


@pytest.mark.parametrize("packed", [False, True])
def test_images_come_in_the_order_of_their_names(tmp_path, packed):
    names = ["c.png", "b/x.PNG", "a.png"]
    place = zipped(tmp_path / "in.zip", names) if packed else fill(tmp_path / "in", names)
    data = sk.datasets.image_folder(place)
    np.testing.assert_array_equal(pixels(data), PICTURES[[2, 1, 0]])
    assert (data.name, data.source, data.license, data.labels) == ("in", str(place), "unknown", None)
    np.testing.assert_array_equal(pixels(sk.datasets.image_folder(place, limit=2)), PICTURES[[2, 1]])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("top", ["", "data/train/"])
def test_outermost_folders_are_classes(tmp_path, packed, top):
    names = [top + name for name in ["dog/1.png", "cat/2.png", "dog/puppy/3.png", "ape/4.png"]]
    place = zipped(tmp_path / "in.zip", names) if packed else fill(tmp_path / "in", names)
    data = sk.datasets.image_folder(place)
    assert data.classes == ("ape", "cat", "dog")
    assert data.labels.tolist() == [0, 1, 2, 2]
    np.testing.assert_array_equal(pixels(data), PICTURES[[3, 1, 0, 2]])


def test_one_folder_is_no_class(tmp_path):
    assert sk.datasets.image_folder(fill(tmp_path, ["all/1.png", "all/2.png"])).labels is None
    assert sk.datasets.image_folder(fill(tmp_path / "b", ["a/1.png", "2.png"])).labels is None


def test_other_files_are_left_out_and_counted(tmp_path):
    names = ["a.png", "readme.txt", ".hidden.png", "__MACOSX/._a.png", "b.png"]
    data = sk.datasets.image_folder(zipped(tmp_path / "in.zip", names, [*FILES[:1], b"x", b"x", b"x", FILES[1]]))
    assert len(data) == 2
    assert data.notes == (
        "2 passed over, hidden or system files: .hidden.png, __MACOSX/._a.png",
        "1 passed over, not images: readme.txt",
    )
    assert "1 passed over, not images: readme.txt" in repr(data)
    with pytest.raises(sk.DatasetError, match=r"contains no image: 1 passed over, not images: a.txt"):
        sk.datasets.image_folder(fill(tmp_path / "none", ["a.txt"], [b"x"]))


def test_damaged_files_are_named_and_skipped_only_when_asked(tmp_path):
    names = [f"{i:04d}.png" for i in range(300)]
    bad = {7, 50, 51, 150, 151, 299, 298}
    fill(tmp_path, names, [FILES[i % 6][:-30] if i in bad else FILES[i % 6] for i in range(300)])
    with pytest.raises(sk.DatasetError, match=r"7 of 300 images in .* cannot be read: 0007.png: it is damaged") as e:
        sk.datasets.image_folder(tmp_path)
    assert str(e.value).count(".png") == 5
    assert str(e.value).endswith("; …. To skip these files pass skip_corrupt=True.")
    data = sk.datasets.image_folder(tmp_path, skip_corrupt=True)
    np.testing.assert_array_equal(pixels(data), PICTURES[[i % 6 for i in range(300) if i not in bad]])
    assert data.notes[0].startswith("7 skipped (0007.png: it is damaged or not an image")


def test_labels_stay_with_their_images_when_some_are_skipped(tmp_path):
    fill(tmp_path, ["a/1.png", "a/2.png", "b/1.png", "b/2.png"], [FILES[0], b"", FILES[1], FILES[2]])
    data = sk.datasets.image_folder(tmp_path, skip_corrupt=True)
    assert data.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(pixels(data), PICTURES[:3])


def test_mixed_shapes_are_told_apart(tmp_path):
    fill(tmp_path, ["a.png", "b.png", "c.png"], [FILES[0], rgb(4, 4), FILES[1]])
    with pytest.raises(sk.DatasetError, match=r"differ in shape .*: 2 of 3×5×7, 1 of 3×4×4. .* pass size=5\."):
        sk.datasets.image_folder(tmp_path)
    assert sk.datasets.image_folder(tmp_path, size=5).shape == (3, 3, 5, 5)
    fill(tmp_path, ["b.png"], [png(PICTURES[0, :, :, 0], 8, 0)])
    with pytest.raises(sk.DatasetError, match=r"2 of 3×5×7, 1 of 1×5×7. .* pass channels=3\."):
        sk.datasets.image_folder(tmp_path)
    assert sk.datasets.image_folder(tmp_path, channels=3).shape == (3, 3, 5, 7)
    fill(tmp_path, ["b.png"], [png(PICTURES[0, :4, :, 0], 8, 0)])
    with pytest.raises(sk.DatasetError, match=r"pass size=5 and channels=3\."):
        sk.datasets.image_folder(tmp_path)


def test_a_bar_when_asked(tmp_path, capsys):
    fill(tmp_path, ["a.png", "b.png"])
    sk.datasets.image_folder(tmp_path)
    assert capsys.readouterr().err == ""
    sk.datasets.image_folder(tmp_path, progress=True)
    assert "2/2" in capsys.readouterr().err


def test_more_than_memory_holds(tmp_path, monkeypatch):
    fill(tmp_path, ["a.png"])

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(_collect.np, "empty", full)
    with pytest.raises(sk.DatasetError, match=r"the 1 images of .* need 0.0 GB, more than the free memory"):
        sk.datasets.image_folder(tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 0}, ValueError, "size must be at least 1"),
        ({"size": 2.5}, TypeError, "size must be an integer"),
        ({"size": (1, 2, 3)}, TypeError, r"size is \(1, 2, 3\): expected a number of pixels, or \(height, width\)"),
        ({"crop": "a"}, TypeError, "crop must be an integer"),
        ({"channels": 2}, ValueError, "channels must be 1, 3 or 4, or None"),
        ({"limit": 0}, ValueError, "limit must be at least 1"),
        ({"skip_corrupt": "yes"}, ValueError, "unknown skip_corrupt 'yes'"),
        ({"progress": None}, ValueError, "unknown progress None"),
    ],
)
def test_options_are_checked(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        sk.datasets.image_folder(fill(tmp_path, ["a.png"]), **options)


def test_places_that_are_no_folder(tmp_path):
    with pytest.raises(sk.DatasetError, match="does not exist: expected a folder of images, or a zip archive of one"):
        sk.datasets.image_folder(tmp_path / "none")
    with pytest.raises(TypeError, match="expected a path"):
        sk.datasets.image_folder(3)
    (tmp_path / "a.png").write_bytes(FILES[0])
    with pytest.raises(sk.DatasetError, match="is neither a folder nor a complete zip archive"):
        sk.datasets.image_folder(tmp_path / "a.png")


# ---------------------------------------------------------------- archives that are not safe


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/etc/a.png", "C:/a.png", "..\\a.png", "c:a.png"])
def test_names_outside_of_the_archive(tmp_path, name):
    with pytest.raises(sk.DatasetError, match=r"in.zip is not safe: its member .* has a path outside the archive"):
        sk.datasets.image_folder(zipped(tmp_path / "in.zip", ["ok.png", name]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.zip"]


def test_names_with_a_colon_or_dots_are_fine(tmp_path):
    assert len(sk.datasets.image_folder(zipped(tmp_path / "in.zip", ["12:30.png", "a..b.png", "...png.png"]))) == 2


def test_symbolic_links_and_secrets(tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(sk.DatasetError, match=r"its member 'link.png' is a symbolic link"):
        sk.datasets.image_folder(tmp_path / "in.zip")
    content = bytearray(zipped(tmp_path / "in.zip", ["a.png"]).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "in.zip").write_bytes(content)
    with pytest.raises(sk.DatasetError, match=r"its member 'a.png' is encrypted"):
        sk.datasets.image_folder(tmp_path / "in.zip")


def test_two_members_of_one_name(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(tmp_path / "in.zip", ["a.png", "a.png"])
    with pytest.raises(sk.DatasetError, match="1 of its members repeat a name"):
        sk.datasets.image_folder(tmp_path / "in.zip")


def test_zip_bombs(tmp_path, monkeypatch):
    zipped(tmp_path / "one.zip", ["a.png"], [bytes(5 << 20)])
    with pytest.raises(
        sk.DatasetError, match=r"'a.png' declares 5,242,880 bytes in 5,\d\d\d, which looks like a zip bomb"
    ):
        sk.datasets.image_folder(tmp_path / "one.zip")
    zipped(tmp_path / "many.zip", [f"{i}.png" for i in range(30)], [bytes(1 << 20)] * 30)
    with pytest.raises(sk.DatasetError, match=r"its members declare 31,457,280 bytes in an archive of 3\d,\d\d\d"):
        sk.datasets.image_folder(tmp_path / "many.zip")
    monkeypatch.setattr(_archives, "_FILE_AT_MOST", 100)
    with pytest.raises(sk.DatasetError, match="which looks like a zip bomb"):
        sk.datasets.image_folder(zipped(tmp_path / "large.zip", ["a.png"], [rgb(20, 20)]))
    with pytest.raises(sk.DatasetError, match="expected at most 100"):
        sk.datasets.image_folder(fill(tmp_path / "large", ["a.png"], [rgb(20, 20)]))


def test_a_member_that_declares_less_than_it_holds(tmp_path):
    """The declared size is what is checked, so no more than that may be unpacked."""
    content = zipped(tmp_path / "in.zip", ["a.png"], [bytes(100 << 20)]).read_bytes()
    lie = content.replace(struct.pack("<I", 100 << 20), struct.pack("<I", 1000))
    assert lie != content
    (tmp_path / "in.zip").write_bytes(lie)
    tracemalloc.start()
    with pytest.raises(sk.DatasetError, match=r"a.png: Bad CRC-32"):
        sk.datasets.image_folder(tmp_path / "in.zip")
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_other_methods_and_damage(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.png", FILES[0])
    with pytest.raises(sk.DatasetError, match=r"its member 'a.png' is not packed by deflate"):
        sk.datasets.image_folder(tmp_path / "in.zip")
    good = zipped(tmp_path / "in.zip", ["a.png", "b.png"]).read_bytes()
    (tmp_path / "in.zip").write_bytes(good[:-30])
    with pytest.raises(sk.DatasetError, match="is neither a folder nor a complete zip archive"):
        sk.datasets.image_folder(tmp_path / "in.zip")
    place = good.index(b"PK\x01\x02")
    (tmp_path / "in.zip").write_bytes(good[:place] + b"XX" + good[place + 2 :])
    with pytest.raises(sk.DatasetError, match=r"is a damaged zip archive .*Download it again"):
        sk.datasets.image_folder(tmp_path / "in.zip")
    wrong = bytearray(good)
    wrong[30 + len("a.png") + 60] ^= 1
    (tmp_path / "in.zip").write_bytes(wrong)
    with pytest.raises(sk.DatasetError, match=r"1 of 2 images in .*in.zip cannot be read: a.png: "):
        sk.datasets.image_folder(tmp_path / "in.zip")


def test_damage_anywhere_in_an_archive_is_a_dataset_error(tmp_path):
    """Bytes changed at random in the headers: refused, or read in part, but nothing else is raised."""
    rng = np.random.default_rng(0)
    good = zipped(tmp_path / "in.zip", ["a.png", "b.png"], [FILES[0][:50], FILES[1][:50]]).read_bytes()
    for _ in range(300):
        content = bytearray(good)
        for place in rng.integers(0, len(good), 2):
            content[place] = rng.integers(256)
        (tmp_path / "in.zip").write_bytes(content)
        with pytest.raises(sk.DatasetError):
            sk.datasets.image_folder(tmp_path / "in.zip")
    content = bytearray(good)
    content[good.index(b"PK\x01\x02") + 8] |= 1 << 5
    (tmp_path / "in.zip").write_bytes(content)
    with pytest.raises(sk.DatasetError, match=r"a.png: compressed patched data"):
        sk.datasets.image_folder(tmp_path / "in.zip")


def test_an_archive_in_an_archive_stays_closed(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../a.png", FILES[0])
    data = sk.datasets.image_folder(zipped(tmp_path / "in.zip", ["a.png", "inner.zip"], [FILES[0], inner.getvalue()]))
    assert data.notes == ("1 passed over, not images: inner.zip",)
