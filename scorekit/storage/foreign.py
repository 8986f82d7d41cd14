"""Messages for files and folders that are not a saved model: what they are, and what reads them."""

from __future__ import annotations

from pathlib import Path

from scorekit._kinds import file_kind

__all__ = ["not_a_model"]

_LOADERS = "a published NCSN, NCSNv2 or NCSN++ with scorekit_torch.load_ncsn, load_ncsnv2 or load_ncsnpp"

_READ_BY = {
    "run": 'its model is in the subfolder: sk.load("{path}/model"). To draw samples: scorekit sample {path}',
    "checkpoints": 'sk.fit with checkpoint="{path}" and the same arguments continues it; its result holds the model',
    "torch": f"read it with torch.load, and give it to network.load_state_dict; {_LOADERS}",
    "safetensors": f"read it with safetensors.torch.load_file, and give it to network.load_state_dict; {_LOADERS}",
    "hub": "read it with from_pretrained of its class; scorekit_torch.from_diffusers makes a UNet a score model",
    "pipeline": "read it with diffusers.DiffusionPipeline.from_pretrained, and make a score model with "
    "scorekit_torch.from_diffusers(pipeline.unet, pipeline.scheduler)",
    "scheduler": "it belongs to a UNet, in the folder beside it: see scorekit_torch.from_diffusers",
    "folder": "it has no manifest.json",
}


def not_a_model(path: Path) -> str | None:
    """Why ``path`` cannot be a folder of ``sk.save``; None if it may be one.

    >>> not_a_model(Path("nowhere"))
    'nowhere does not exist: expected a folder that sk.save wrote.'
    """
    kind, words = file_kind(path)
    if kind == "scorekit":
        return None
    if kind == "missing":
        return f"{path} does not exist: expected a folder that sk.save wrote."
    if path.is_file() and file_kind(path.parent)[0] == "scorekit":
        return f"{path} is a part of a folder that scorekit wrote: expected the folder, sk.load({str(path.parent)!r})."
    advice = _READ_BY.get(kind, "").format(path=path)
    return f"{path} is {words}: expected a folder that sk.save wrote." + (f" For this one: {advice}." if advice else "")
