"""What a wrong call says: the catalogue of odd calls, and the kinds of messages that misled users.

The catalogue is ``tests/field/calls``; ``python tests/field/calls`` prints its counts.
"""

from __future__ import annotations

import inspect

import pytest
from field.calls import calls, judge
from field.calls.subjects import subjects
from field.calls.catalogue import KITS, kit
from support.takers import public_modules

import scorekit as sk

EVERY = 6  # the quick run takes each sixth call


@pytest.fixture(scope="module")
def catalogue():
    return calls()


def _faults(chosen):
    verdicts = [(call, judge(call)) for call in chosen]
    return [f"{v.kind}: {call.name}: {v.reason}" for call, v in verdicts if v.kind != "right"]


def test_some_odd_calls_end_as_they_should(catalogue, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _faults(catalogue[::EVERY]) == []


@pytest.mark.slow
def test_all_odd_calls_end_as_they_should(catalogue, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _faults(catalogue) == []


def test_the_catalogue_is_large(catalogue):
    assert len(catalogue) > 1000
    assert len({call.name for call in catalogue}) == len(catalogue)
