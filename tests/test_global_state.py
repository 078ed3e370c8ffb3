import locale
import os
import random
import signal

import numpy as np
import pytest
import torch

from gansearch.global_state import preserved_global_state
from gansearch.registry import Registry
from gansearch.search.feasibility import FeasibilityCheck

CHANGES = {
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(3),
    "gradients": lambda: torch.set_grad_enabled(False),
    "seed of torch": lambda: torch.manual_seed(1),
    "seed of NumPy": lambda: np.random.seed(1),
    "seed of Python": lambda: random.seed(1),
    "working directory": lambda: os.chdir("/"),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "signals": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
}


def state():
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),
        random.getstate(),
        os.getcwd(),
        locale.setlocale(locale.LC_ALL),
        signal.getsignal(signal.SIGINT),
    )


@pytest.fixture
def before(tmp_path, monkeypatch):
    """The state before a test, put back after it whatever the guard does."""
    monkeypatch.chdir(tmp_path)
    found = state()
    yield found
    torch.set_default_device(found[1])
    torch.set_default_dtype(found[0])
    torch.set_num_threads(found[2])
    torch.set_grad_enabled(found[3])
    locale.setlocale(locale.LC_ALL, found[8])
    signal.signal(signal.SIGINT, found[9])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_taken_back_after_an_error_too(before, change):
    with pytest.raises(ZeroDivisionError), preserved_global_state():
        change()
        raise ZeroDivisionError
    assert state() == before


def test_a_working_directory_that_is_removed_does_no_harm(before, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    with preserved_global_state():
        (tmp_path / "gone").rmdir()
        os.chdir(tmp_path)
    with preserved_global_state():
        pass


def test_a_component_that_changes_the_process_when_it_is_counted_harms_no_other(before, make_space):
    def sizes(candidate):
        for change in CHANGES.values():
            change()
        return {"generator_params": 1.0}

    space = make_space()
    checked = FeasibilityCheck(space, sizes, {}).check(space.baseline, constrained=True)
    assert (checked.refusal, checked.sizes) == ("", {"generator_params": 1.0})
    assert state() == before


def test_a_module_that_changes_the_process_when_it_is_imported_harms_no_other(before, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import os, torch\n"
        "torch.set_default_dtype(torch.float64)\ntorch.manual_seed(1)\nos.chdir('/')\n"
        "from gansearch.builtin.losses.bce import BCE as Mine\n"
    )
    Registry().load("loss", f"{tmp_path}/mine.py:Mine")
    assert state() == before
