"""Every law holds on every backend that is installed."""

from __future__ import annotations

import pytest

import scorekit as sk
from support.bridge import bridged


@pytest.fixture(autouse=True, params=[name for name, installed in sk.backends().items() if installed])
def backend(request):
    with bridged(request.param):
        yield request.param
