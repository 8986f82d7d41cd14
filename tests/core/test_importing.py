"""Importing changes nothing in the process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

IMPORT_EVERYTHING = textwrap.dedent("""
    import atexit, importlib, json, os, signal, sys, warnings
    from pathlib import Path
    import autograd.numpy as anp, numpy as np, safetensors.numpy, scipy.optimize, scipy.special, tqdm
    from autograd import core
    from autograd.tracer import isbox
    try:
        import array_api_compat.torch, torch, torch.distributed, torch.utils.checkpoint
    except ImportError:
        torch = None

    calls = []

    def watched(kind, real):
        def call(*arguments, **options):
            calls.append((kind, sys._getframe(1).f_globals["__name__"]))
            return real(*arguments, **options)
        return call

    os.register_at_fork = watched("fork hook", os.register_at_fork)
    atexit.register = watched("exit hook", atexit.register)
    signal.signal = watched("signal", signal.signal)

    def rules(table):  # by function, of those that are not ours
        return {id(f): (getattr(f, "__name__", "?"), id(rule)) for f, rule in table.items() if f not in made_by_us}

    made_by_us = set()

    def state():
        found = {
            "signals": [str(signal.getsignal(s)) for s in signal.valid_signals()],
            "environment": dict(os.environ),
            "warnings": [repr(f) for f in warnings.filters],
            "errors": np.geterr(),
            "printing": str(np.get_printoptions()),
            "random": str(np.random.get_state()),
            "reverse rules": rules(core.primitive_vjps),
            "forward rules": rules(core.primitive_jvps),
            "path": sys.path[:],
            "hooks": [str(sys.excepthook), str(sys.displayhook), str(sys.meta_path)],
            "recursion": sys.getrecursionlimit(),
        }
        if torch is not None:
            found["torch"] = [
                str(torch.get_default_dtype()), str(torch.get_default_device()), torch.get_num_threads(),
                torch.is_grad_enabled(), torch.get_rng_state().tolist(), torch.backends.cudnn.benchmark,
                torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled(),
            ]
        return found

    autograds = set(core.primitive_vjps) | set(core.primitive_jvps)
    tanh = core.primitive_vjps[anp.tanh], core.primitive_jvps[anp.tanh]
    before = state()

    def import_all(package):  # but what draws, and what draws for the command line
        root = Path(importlib.import_module(package).__file__).parent
        for file in sorted(root.rglob("*.py")):
            name = ".".join((package, *file.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
            if not name.startswith(("scorekit.plot", "scorekit.cli")) and not name.endswith("__main__"):
                importlib.import_module(name)

    for package in ("scorekit", "scorekit_numpy", *(["scorekit_torch"] if torch is not None else [])):
        import_all(package)
    loaded = [name for name in ("matplotlib", "filelock", "jax") if name in sys.modules]

    # what is new in the tables belongs to functions of ours
    made_by_us |= (set(core.primitive_vjps) | set(core.primitive_jvps)) - autograds
    theirs = set(map(id, vars(anp).values())) | set(map(id, vars(anp.linalg).values()))
    after = state()
    print(json.dumps({
        "changed": [name for name in before if before[name] != after[name]],
        "calls": [call for call in calls if call[1].startswith("scorekit")],
        "loaded": loaded,
        "rules for functions of autograd": [f.__name__ for f in made_by_us if id(f) in theirs],
        "tanh": tanh == (core.primitive_vjps[anp.tanh], core.primitive_jvps[anp.tanh]),
        "own": len(made_by_us),
    }))
""")


def test_importing_everything_changes_nothing():
    """Not autograd's rules, the signals, the environment, the filters of warnings, NumPy's and torch's settings."""
    done = subprocess.run([sys.executable, "-c", IMPORT_EVERYTHING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("own") > 5  # the watch saw functions of ours come in
    assert found == {
        "changed": [],
        "calls": [],
        "loaded": [],
        "rules for functions of autograd": [],
        "tanh": True,
    }
