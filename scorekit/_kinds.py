"""What a file or folder is, by its bytes and names, for messages about files of another kind than expected."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["file_kind"]

_HEAD = 512

_MAGIC = (
    (b"\x89HDF\r\n", "hdf5", "an HDF5 file"),
    (b"GGUF", "gguf", "a GGUF file"),
    (b"\x93NUMPY", "npy", "a NumPy array (.npy)"),
    (b"version https://git-lfs", "lfs", "a Git LFS pointer, not the file itself. Run git lfs pull"),
    (b"\x1f\x8b", "gzip", "a gzip archive. Unpack it first"),
)
_FILES = (
    ("manifest.json", "scorekit", "a folder that scorekit wrote"),
    ("run.json", "run", "the folder of a run of scorekit train"),
    ("model_index.json", "pipeline", "a pipeline of diffusers"),
    ("scheduler_config.json", "scheduler", "a scheduler of diffusers"),
    ("config.json", "hub", "a model in the layout of the Hugging Face Hub"),
)


def file_kind(path: Path) -> tuple[str, str]:
    """A short name for what ``path`` is, and the words of a message.

    The names are ``"missing"``, ``"empty"``, ``"folder"``, ``"scorekit"``, ``"run"``, ``"checkpoints"``,
    ``"pipeline"``, ``"scheduler"``, ``"hub"``, ``"torch"``, ``"torchscript"``, ``"safetensors"``, ``"npz"``, ``"zip"``,
    ``"pickle"``, ``"html"``, ``"hdf5"``, ``"gguf"``, ``"npy"``, ``"lfs"``, ``"gzip"`` and ``"unknown"``.

    >>> file_kind(Path("nowhere"))
    ('missing', 'missing')
    """
    if path.is_dir():
        return _folder_kind(path)
    if not path.exists():
        return "missing", "missing"
    if not path.is_file():
        return "unknown", "not a regular file"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "empty", "an empty file"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors", "a safetensors file"
    if head[:4] == b"PK\x03\x04":
        return _zip_kind(path)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        # torch.save before version 1.6 wrote a number that no other program writes
        legacy = b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" in head
        return ("torch", "a file of torch.save") if legacy else ("pickle", "a pickle that torch.save did not write")
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "html", "an HTML page, as servers send in place of a large file. Download the file itself"
    return next(
        ((name, words) for magic, name, words in _MAGIC if head.startswith(magic)), ("unknown", "of no known kind")
    )


def _folder_kind(path: Path) -> tuple[str, str]:
    for name, kind, words in _FILES:
        if (path / name).is_file():
            return kind, words
    if next(path.glob("step-*/manifest.json"), None) is not None:
        return "checkpoints", "the checkpoint folder of a fit"
    return "folder", "a folder"


def _zip_kind(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # a damaged directory of an archive raises many types
        return "zip", "a damaged zip archive"
    if any(name.endswith("constants.pkl") for name in names):
        return "torchscript", "a TorchScript archive, which holds a program"
    if any(name.endswith("data.pkl") for name in names):
        return "torch", "a file of torch.save"
    if names and all(name.endswith(".npy") for name in names):
        return "npz", "a NumPy archive (.npz)"
    return "zip", "a zip archive"
