"""Tools for authors of backends, in a separate package or in ``backends/`` of this repository.

Argument checks and helpers for the layout ``(n, *event)``; the options of an optimizer step
(:class:`OptimizerConfig`); seeds (:func:`seed_sequence`); the noise of a batch and of its parts (:func:`draw_for`,
:func:`rows_of`); conditions (:class:`Conditions`, :class:`Conditional`); arrays on the host, for checkpoints
(:func:`on_host`, :func:`from_host`); the kind of a file (:func:`file_kind`); the processes that train together
(:func:`process_group`); a lock for state that all threads share (:class:`ThreadLock`); views of models
(:class:`View`).
A backend needs these, ``scorekit.protocols``, ``scorekit.errors`` and ``scorekit.registry``, and nothing else.
"""

from __future__ import annotations

from scorekit._arrays import as_rng, as_sigma, check_batch, constant, event_dot, event_size, event_sum, expand
from scorekit._checks import as_shape, check_bounds, check_count, check_number, check_option, check_path, check_positive
from scorekit._conditions import Conditional, Conditions, check_condition
from scorekit._kinds import file_kind
from scorekit._reading import open_regular
from scorekit._score import evaluate, refuse_other_framework, score_function
from scorekit.learning.drawing import Seeds, check_noise, draw_for, loss_of, rows_of, seeds
from scorekit.learning.host_arrays import check_same_arrays, check_whole, from_host, on_host
from scorekit.learning.optimizer_config import OptimizerConfig, check_learner_options
from scorekit.learning.process_group import Process, process_group, process_group_of, this_process
from scorekit.learning.seeding import restored_sequence, seed_sequence, sequence_state
from scorekit.learning.threads import ThreadLock, generators_locked
from scorekit.learning.trained_levels import set_trained_levels, trained_levels_of
from scorekit.learning.views import View, classes_of, innermost, network_in, units_of, with_innermost, without_units
from scorekit.learning.zeros import Zeros

__all__ = [
    "Conditional",
    "Conditions",
    "OptimizerConfig",
    "Process",
    "Seeds",
    "ThreadLock",
    "View",
    "Zeros",
    "as_rng",
    "as_shape",
    "as_sigma",
    "check_batch",
    "check_bounds",
    "check_condition",
    "check_count",
    "check_learner_options",
    "check_noise",
    "check_number",
    "check_option",
    "check_path",
    "check_positive",
    "check_same_arrays",
    "check_whole",
    "classes_of",
    "constant",
    "draw_for",
    "evaluate",
    "event_dot",
    "event_size",
    "event_sum",
    "expand",
    "file_kind",
    "from_host",
    "generators_locked",
    "innermost",
    "loss_of",
    "network_in",
    "on_host",
    "open_regular",
    "process_group",
    "process_group_of",
    "refuse_other_framework",
    "restored_sequence",
    "rows_of",
    "score_function",
    "seed_sequence",
    "seeds",
    "sequence_state",
    "set_trained_levels",
    "this_process",
    "trained_levels_of",
    "units_of",
    "with_innermost",
    "without_units",
]
