"""Save and load arrays and models. Files are verified when they are read, and their content is never executed."""

from __future__ import annotations

from scorekit.storage.folders import read_folder, writable_folder, write_folder
from scorekit.storage.models import load, save

__all__ = ["load", "read_folder", "save", "writable_folder", "write_folder"]
