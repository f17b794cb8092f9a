"""The simulated board's TLS on MicroPython: the cases of unit/test_sim_tls.py."""

import pytest

from tls_caller import YEAR, Caller, open_tls_board
from tls_cases import CASES


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        open_tls_board(tmp_path_factory.mktemp("tls"), "micropython", patch) as board,
    ):
        caller = Caller(board)
        caller(f"app.set_year({YEAR})")
        yield caller


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_tls(case, ask):
    case(ask)
