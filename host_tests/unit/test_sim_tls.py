"""The simulated board's TLS on CPython. On MicroPython: e2e/test_tls_there.py."""

import pytest

from tls_caller import tls_caller
from tls_cases import CASES


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    with tls_caller(tmp_path_factory.mktemp("tls"), "cpython") as caller:
        yield caller


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_tls(case, ask):
    case(ask)
