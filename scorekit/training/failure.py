"""An error in a run: what is kept, and how to go on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorekit.training.run import FitResult, Run
    from scorekit.training.store import Store

__all__ = ["keep_result"]


def keep_result(error: BaseException, run: Run, store: Store | None, kind: type[FitResult]) -> None:
    """Write a checkpoint, attach the result so far as ``error.result``, and note on the error what is kept."""
    said = [_checkpoint(run, store)] if store is not None and run.step else []
    try:
        result: Any = run.result(kind)
    except Exception as lost:  # for instance no memory for a copy
        result = None
        said.append(f"The model could not be copied ({type(lost).__name__}: {lost}).")
    with suppress(AttributeError, TypeError):  # some classes of exceptions take no attributes
        error.result = result  # type: ignore[attr-defined]
    if result is not None and run.step:
        said.append(
            "error.result (in an interactive session sys.last_value.result) is the FitResult so far: save its model "
            "with sk.save(error.result.model, folder)."
        )
    if said:
        error.add_note(f"fit ended with this error after step {run.step} of {run.steps}. {' '.join(said)}")


def _checkpoint(run: Run, store: Store) -> str:
    """Write a checkpoint unless this step has one; what is kept, in words."""
    folder = str(store.checkpoints.folder)
    failed = ""
    try:
        if run.saved != run.step:
            store.write(run)
    except Exception as why:
        failed = f"A checkpoint of this step could not be written ({why}). "
    if run.saved is None:
        return failed + "There is no checkpoint."
    return f"{failed}The checkpoint of step {run.saved} is kept: fit with checkpoint={folder!r} goes on from there."
