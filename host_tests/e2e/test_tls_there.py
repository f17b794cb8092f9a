"""The simulated board's TLS on MicroPython: the cases of unit/test_sim_tls.py."""

import pytest

from tls_caller import tls_caller
from tls_cases import CASES


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    with tls_caller(tmp_path_factory.mktemp("tls"), "micropython") as caller:
        yield caller


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_tls(case, ask):
    case(ask)
