"""Seeded bugs on the way of sigma and the condition to the model, and of the checks of that way."""

from __future__ import annotations

from .base import seeded

__all__ = ["CONDITIONS"]

CONDITION = "scorekit/_conditions.py"
SCORE = "scorekit/_score.py"
COUPLING = "scorekit/objectives/_coupling.py"
REHEARSAL = "scorekit/training/rehearsal.py"
RUN = "scorekit/training/run.py"
NUMPY_NETWORKS = "backends/scorekit_numpy/networks.py"
TORCH_MLP = "backends/scorekit_torch/networks/mlp.py"
NORM = "backends/scorekit_torch/networks/normalization.py"
RESIDUAL = "backends/scorekit_torch/networks/residual.py"

CONDITIONS = (
    *seeded(
        CONDITION,
        "tiled",
        (
            "condition-of-the-neighbor",
            "xp.tile(condition, (want // have,) + (1,) * (condition.ndim - 1))",
            "xp.repeat(condition, want // have, axis=0)",
            "each entry repeated, not the whole",
        ),
    ),
    *seeded(
        CONDITION,
        "dropped",
        ("dropout-inverted", "uniform >= p", "uniform < p", "kept with probability p"),
        (
            "dropout-of-all",
            "xp.where(keep, condition, null_like(null, condition))",
            "xp.where(xp.all(keep), condition, null_like(null, condition))",
            "one draw below p drops the whole batch",
        ),
    ),
    *seeded(
        CONDITION,
        "Conditions.null",
        (
            "null-is-a-class",
            "self.classes if self.dim is None else [0.0] * self.dim",
            "(self.classes and self.classes - 1) if self.dim is None else [0.0] * self.dim",
            "the last class for no class",
        ),
        ("null-vector-of-ones", "[0.0]", "[1.0]", "a vector with a meaning for none"),
    ),
    *seeded(
        CONDITION,
        "Conditions._labels",
        ("null-label-refused", "high > classes", "high >= classes", "the label of no class is out of range"),
    ),
    *seeded(
        SCORE,
        "Call.__call__",
        ("network-gets-a-float", "sigma = per_row(sigma, x)", "pass", "a network gets a number for an array"),
    ),
    *seeded(
        SCORE,
        "Call._checked",
        ("condition-not-repeated", "tiled(condition, x)", "condition", "n entries for k·n rows"),
    ),
    *seeded(
        SCORE,
        "_Signature.call",
        ("condition-not-passed", "by_position.append(condition)", "pass", "the model uses its default"),
        ("condition-keyword-not-passed", "by_keyword['condition'] = condition", "pass", "the model uses its default"),
    ),
    *seeded(
        SCORE,
        "_read_signature",
        ("functions-get-arrays", "callable(getattr(model, 'parameters', None))", "True", "all get an array"),
    ),
    *seeded(
        SCORE,
        "_place_of_sigma",
        (
            "sigma-always-second",
            "'position' if positional[1:2] == [named] else 'keyword'",
            "'position'",
            "a third parameter named sigma gets none",
        ),
    ),
    *seeded(
        COUPLING,
        "_couples_rows",
        (
            "coupled-row-0-alone",
            "np.arange(x.shape[0]) >> bit & 1 == value",
            "np.arange(x.shape[0]) == 0",
            "only what row 0 depends on is looked for",
        ),
        ("coupled-one-half", "(0, 1)", "(0,)", "rows with a 1 in their number are not looked at"),
        ("coupled-a-little", "_COUPLED * reach.max()", "0.5 * reach.max()", "weak dependence is accepted"),
    ),
    *seeded(
        COUPLING,
        "_parts",
        (
            "coupled-outermost-mode",
            "list(parts()) if callable(parts) else [model]",
            "[model]",
            "a part that is switched alone is not seen",
        ),
    ),
    *seeded(
        COUPLING,
        "_agree",
        ("mixed-levels-a-little", "_MIXED * np.abs(b).max()", "9 * np.abs(b).max()", "too tolerant"),
    ),
    *seeded(
        COUPLING,
        "_meets_the_wrong_axis",
        (
            "mixed-levels-of-coupled-rows",
            "_agree(same, alone) and _agree(first_row(x, sigma), whole)",
            "_agree(first_row(x, sigma), whole)",
            "sigma is blamed where the rows depend on each other anyway",
        ),
    ),
    *seeded(
        COUPLING,
        "_evaluation_mode",
        ("mixed-levels-with-dropout", "part.training = False", "pass", "the check draws masks and changes buffers"),
    ),
    *seeded(
        REHEARSAL,
        "rehearse",
        ("rehearsal-of-one-row", "(x.shape[0], 1)", "(1,)", "several rows are not tried"),
        ("rehearsal-of-several-rows", "(x.shape[0], 1)", "(x.shape[0],)", "one row is not tried"),
        ("rehearsal-at-one-level", "dict.fromkeys(levels)", "levels[:1]", "the smallest level is not tried"),
    ),
    *seeded(
        RUN,
        "Dropout.identity",
        ("resume-with-another-null", "host(self.null).tolist()", "None", "a run goes on with another null condition"),
    ),
    *seeded(
        RUN,
        "Run._dropped",
        ("dropout-of-another-step", "self._rng('dropout', self.step)", "self._rng('dropout', 0)", "always the same"),
        (
            "dropout-of-another-part",
            "uniform[batch.start:batch.stop]",
            "uniform[:batch.stop - batch.start]",
            "every process drops what the first one drops",
        ),
    ),
    *seeded(
        RUN,
        "Run._step",
        ("fit-noise-of-one-step", "self._rng('noise', self.step)", "self._rng('noise', 0)", "the same at every step"),
    ),
    *seeded(
        RUN,
        "Run._held_out_loss",
        (
            "validation-unweighted",
            "float(loss) * (stop - start) / n",
            "float(loss) / pieces",
            "small parts count as much as large ones",
        ),
        (
            "validation-noise-again",
            "rows_of(noise, start, stop)",
            "rows_of(noise, 0, stop - start)",
            "the parts share their noise",
        ),
    ),
    *seeded(
        NUMPY_NETWORKS,
        "MLP._inputs",
        (
            "one-hot-shifted",
            "np.arange((self.classes or 0) + 1)",
            "np.arange(1, (self.classes or 0) + 2)",
            "class 0 has no input of its own",
        ),
    ),
    *seeded(
        TORCH_MLP,
        "MLP._inputs",
        (
            "one-hot-reversed",
            "one_hot(told, (self.classes or 0) + 1)",
            "one_hot(told, (self.classes or 0) + 1).flip(1)",
            "backends disagree",
        ),
    ),
    *seeded(
        NORM,
        "InstanceNormPlus._rows",
        (
            "norm-without-vector",
            "at.told @ self.condition_weight",
            "0 * (at.told @ self.condition_weight)",
            "the condition is not used",
        ),
    ),
    *seeded(
        RESIDUAL,
        "SigmaEmbedding.forward",
        ("embedding-without-vector", "self.tell(told.to(h.dtype))", "0 * h", "the condition is not used"),
        ("embedding-of-one-class", "self.class_weight[told]", "self.class_weight[told * 0]", "all classes are one"),
    ),
)
