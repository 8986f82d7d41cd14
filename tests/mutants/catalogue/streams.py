"""Seeded bugs of streams of random numbers: from a seed to a stream, and the noise of the parts of a batch."""

from __future__ import annotations

from .base import seeded

__all__ = ["STREAMS"]

ARRAYS = "scorekit/_arrays.py"
SEEDING = "scorekit/learning/seeding.py"
DRAWING = "scorekit/learning/drawing.py"
TORCH_RANDOM = "backends/scorekit_torch/random.py"

STREAMS = (
    *seeded(
        SEEDING,
        "_written",
        ("seed-part-without-length", "f's{len(part)}:{part}'", "f's{part}'", "('a', 'sb') is ('as', 'b')"),
        ("seed-part-without-type", "f'i{part:x}'", "f'{part:x}'", "(1, 2) is (18,)"),
    ),
    *seeded(
        SEEDING,
        "seed_sequence",
        (
            "seed-of-one-word",
            "np.frombuffer(hashlib.sha256(text).digest(), dtype='<u4')",
            "np.frombuffer(hashlib.sha256(text).digest(), dtype='<u4')[:1]",
            "two of 77,000 streams are alike",
        ),
    ),
    *seeded(
        SEEDING,
        "restored_sequence",
        ("spawned-streams-again", "state['spawned']", "0", "a restored stream spawns the same children again"),
    ),
    *seeded(
        ARRAYS,
        "as_rng",
        ("rng-without-name", "(name, int(rng))", "int(rng)", "two functions with one seed draw the same noise"),
    ),
    *seeded(
        TORCH_RANDOM,
        "seed_generator",
        (
            "generator-of-32-bits",
            "fill(generator, sequence)",
            "generator.manual_seed(int(sequence.generate_state(1)[0]))",
            "two of 77,000 streams are alike",
        ),
    ),
    *seeded(
        TORCH_RANDOM,
        "_fill",
        (
            "generator-words-twice",
            "np.random.PCG64DXSM(sequence).random_raw(words // 2)",
            "np.repeat(np.random.PCG64DXSM(sequence).random_raw(words // 4), 2)",
            "half of the words",
        ),
    ),
    *seeded(
        DRAWING,
        "rows_of",
        ("rows-from-the-first", "noise[start:stop]", "noise[:stop - start]", "all parts have the noise of the first"),
        ("rows-of-all", "start == 0 and noise.shape[0] == stop", "noise.shape[0] == stop", "the last part gets all"),
    ),
    *seeded(
        DRAWING,
        "draw_for",
        ("noise-of-the-part", "x.shape[0] if total is None else total", "x.shape[0]", "parts share their noise"),
    ),
)
