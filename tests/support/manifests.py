"""Manifests that someone else has written, with a checksum that is right."""

from __future__ import annotations

import json

from scorekit.storage import folders
from scorekit.storage.sealed import seal


def rewrite(folder, change):
    """Apply ``change`` to the content of a manifest; header and checksum are made to fit."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content["checksum"]
    content["header"] = folders._header(folder / "arrays.safetensors")
    change(content)
    path.write_bytes(seal(content))
