"""The forms that layers have for torch's compiler beside those that they have without it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from scorekit_torch.networks import compiling  # noqa: E402

FORMS = {
    "elu": compiling.elu,
    "max_pool": compiling.max_pool,
    "enlarged": lambda x: compiling.enlarged(x, (8, 6)),
    "enlarged from one": lambda x: compiling.enlarged(x[:, :, :1], (8, 6)),
}


@pytest.fixture(autouse=True)
def _fresh():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def _value_and_gradient(form, x):
    x = x.clone().requires_grad_()
    y = form(x)
    weights = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    return y.detach(), torch.autograd.grad((weights * y).sum(), x)[0]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_both_forms_have_equal_values_and_gradients(form, dtype):
    pixels = torch.linspace(-3, 3, 2 * 3 * 5 * 4)  # no two of them equal, or there would be more than one gradient
    x = pixels[torch.randperm(120, generator=torch.Generator().manual_seed(0))].reshape(2, 3, 5, 4).to(dtype)
    plain = _value_and_gradient(form, x)
    compiled = _value_and_gradient(torch.compile(form, backend="eager"), x)
    for ours, expected in zip(compiled, plain, strict=True):
        assert ours.dtype == expected.dtype == dtype
        assert torch.allclose(ours.double(), expected.double(), atol=8 * torch.finfo(dtype).eps)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_the_compiled_elu_stands_where_exp_overflows_and_next_to_zero():
    x = torch.tensor([-1e30, -100.0, -0.01, 0.0, 0.01, 100.0, 1e30], dtype=torch.bfloat16)
    compiled = torch.compile(compiling.elu, backend="eager")
    for ours, expected in zip(_value_and_gradient(compiled, x), _value_and_gradient(compiling.elu, x), strict=True):
        assert torch.isfinite(ours).all()
        assert torch.allclose(ours, expected, rtol=2**-7)
