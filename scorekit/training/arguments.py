"""Arguments of ``fit`` under the names that other libraries use, and models that it cannot train."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from scorekit.errors import InvalidTypeError
from scorekit.training.run import FitResult
from scorekit.training.sources import Source

__all__ = ["check_model", "check_names", "known_as"]

_CALLED = {
    "learning_rate": "lr, eta, alpha, step_size, base_lr, max_lr, initial_lr, learning_rate_init",
    "rng": "seed, random_state, random_seed, manual_seed, generator, key, prng_key",
    "batch_size": "batch, batchsize, bs, batch_sz, minibatch_size, train_batch_size",
    "validation": "val, valid, val_data, valid_data, validation_data, eval_data, eval_set, x_val, val_loader, "
    "val_dataloader, val_dataloaders, test_data",
    "gradient_clip": "grad_clip, clip, clip_grad, clip_grad_norm, max_grad_norm, grad_norm, clip_norm, clipnorm, "
    "gradient_clip_val, gradient_clipping",
    "ema": "ema_decay, ema_rate, use_ema, decay, polyak",
    "progress": "verbose, show_progress, progress_bar, disable_tqdm, pbar, tqdm, enable_progress_bar",
    "callbacks": "callback, hooks, on_step, logger, loggers",
    "checkpoint": "checkpoint_dir, checkpoint_path, ckpt, ckpt_dir, ckpt_path, save_dir, save_path, output_dir, "
    "default_root_dir, workdir, log_dir, resume_from, resume_from_checkpoint, checkpoint_folder, folder",
    "checkpoint_every": "save_every, save_steps, ckpt_every, save_freq, checkpoint_interval",
    "keep": "save_total_limit, keep_last, max_to_keep",
    "condition_dropout": "p_uncond, cond_drop_prob, uncond_prob, class_dropout_prob, drop_prob",
    "objective": "loss, loss_fn, loss_function, criterion",
    "data": "x, X, dataset, train_data, train_dataset, train_loader, dataloader, loader, train_dataloader, "
    "train_dataloaders",
    "model": "net, network, score_model, module",
    "optimizer": "optim, opt, optimiser",
}

_COUNTED = "epochs, epoch, n_epochs, num_epochs, nb_epoch, max_epochs, nepochs, num_train_epochs"
_STEPS = (
    "iterations, n_iter, num_iter, n_iters, max_iter, max_iters, num_steps, n_steps, max_steps, nsteps, niter, iters"
)

_INSTEAD = {
    "lr_scheduler, scheduler, schedule, lr_schedule, lr_decay, warmup, warmup_steps": "learning_rate takes a function "
    "of the step, such as learning_rate=sk.training.WarmupCosine(1e-3, steps, warmup=100).",
    "weight_decay, momentum, betas, eps, amsgrad, nesterov, beta1, beta2, optimizer_params, optimizer_kwargs, "
    "optimizer_args": 'with torch the options of an optimizer are part of it, such as optimizer={"name": "adamw", '
    '"weight_decay": 0.01}.',
    "device, devices, gpu, gpus, cuda, accelerator, use_gpu": "fit trains where the model and the data are: move both, "
    'as model.to("cuda") and data.to("cuda").',
    "dtype, precision": "fit trains in the dtype of the model and the data: convert both, as model.double() and "
    "data.double() in torch.",
    "amp, fp16, bf16, use_amp, mixed_precision": 'with torch the argument is autocast="bfloat16".',
    "shuffle": "arrays and datasets are always shuffled, by the seed rng; the order of a loader is its own, as "
    "DataLoader(…, shuffle=True).",
    "num_workers, workers, n_workers, pin_memory, drop_last, collate_fn, sampler, n_jobs": "this is an option of a "
    "loader: pass data=torch.utils.data.DataLoader(…) with it.",
    "validation_split, val_split, val_fraction, validation_fraction, test_size": "split the data before, and pass the "
    "held-out part as validation=held_out.",
    "labels, label, y, target, targets, condition, conditions, cond, context, c, classes": "conditions are part of the "
    "data: pass the pair (x, condition) as data.",
    "early_stopping, patience, early_stop": "a callback that returns True stops the run: callbacks=[lambda state: …].",
    "sigma, sigmas, noise_levels, sigma_min, sigma_max, n_levels, timesteps, t, noise_schedule": "noise levels "
    "belong to the objective, such as sk.objectives.NoiseConditional(sk.noise.LogUniform(largest, smallest)).",
    "gradient_accumulation, accumulation_steps, gradient_accumulation_steps, grad_accum, accumulate_grad_batches": "in "
    "torch the argument is accumulate=k, the number of parts of a batch.",
}


def check_names(options: Mapping[str, Any], steps: Any, own: Iterable[str], source: Source) -> None:
    """Raise ``TypeError`` for an argument with the name that it has elsewhere, and for a missing ``steps``.

    Args:
        options: the keyword arguments that are not parameters of ``fit``.
        steps: the argument of this name, or None.
        own: the names of the parameters of ``fit``.
        source: the data, for the number of steps in an epoch.
    """
    for name, value in options.items():
        advice = _advice(name, value, source) or _near(name, own)
        if advice is not None:
            raise InvalidTypeError(f"fit has no argument {name!r}: {advice}")
    if steps is None:
        raise InvalidTypeError(f"fit needs steps, the number of optimizer steps, such as steps=5000. {_epoch(source)}")


def known_as(name: str) -> str | None:
    """The argument of ``fit`` that has this name elsewhere; None if there is none.

    >>> known_as("lr"), known_as("epochs")
    ('learning_rate', 'steps')
    """
    if name in (*_COUNTED.split(", "), *_STEPS.split(", ")):
        return "steps"
    return next((right for right, others in _CALLED.items() if name in others.split(", ")), None)


def _advice(name: str, value: Any, source: Source) -> str | None:
    if name in _COUNTED.split(", "):
        number = value if isinstance(value, int) and not isinstance(value, bool) else 10
        return f"it counts steps, not epochs. {_epoch(source)} For {number} epochs pass steps={number * source.epoch}."
    if name in _STEPS.split(", "):
        return f"did you mean steps? {_epoch(source)}"
    right = known_as(name)
    if right is not None:
        return f"did you mean {right}?"
    return next((advice for names, advice in _INSTEAD.items() if name in names.split(", ")), None)


def _epoch(source: Source) -> str:
    return f"One epoch of these data is {source.epoch} steps of {source.batch_size} samples."


def _near(name: str, own: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(name, list(own), 1, cutoff=0.8)
    return f"did you mean {near[0]}?" if near else None


def check_model(model: Any) -> None:
    """Raise ``TypeError`` for a class, or a result of ``fit``, in the place of a network."""
    if isinstance(model, type):
        raise InvalidTypeError(f"model is the class {model.__name__}: expected an instance, {model.__name__}(…).")
    if isinstance(model, FitResult):
        raise InvalidTypeError("model is a FitResult: expected a network. To train it further pass its .model.")
