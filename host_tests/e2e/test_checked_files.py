"""board.json and site.json on the whole board: checked and stamped on the way to it, and refused
by it when somebody changes them there.
"""

import json

import pytest

from umeter_sim.board_api import BoardError, open_board
from umeter_sim.paths import BOARDS

SITE = {
    "meter": "m1",
    "key": "ab" * 32,
    "wifi": [{"ssid": "Café 📶", "password": 'a"\\b\n\x01'}],
    "broker": {"host": "127.0.0.1"},
    "plain_tcp": True,
}
LOAD_SITE = "__import__('umeter.hal.board', None, None, ('board',)).load_site()"


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_a_file_changed_on_the_board_is_refused(runtime, tmp_path):
    with open_board(runtime=runtime, site=SITE, workdir=tmp_path) as sim:

        def ask(expression):
            return sim.ask("eval", expression=expression)["value"]

        assert ask(f"{LOAD_SITE}['wifi']") == SITE["wifi"]
        assert ask(f"{LOAD_SITE}['brokers'][0]['port']") == 1883
        assert ask(f"len({LOAD_SITE}['key'])") == 32
        text = ask("open('site.json').read()")
        sim.ask("eval", expression=f"open('site.json', 'w').write({text.replace('m1', 'm2')!r})")
        with pytest.raises(BoardError) as crash:
            sim.reset()
        sentence = (
            "site.json was not checked, or was changed since: umeter check writes one that is"
        )
        assert sentence in str(crash.value)


def test_a_bad_board_file_is_told(tmp_path):
    board = json.loads((BOARDS / "sim8" / "board.json").read_text())
    board["relays"]["pins"][0] = 6
    (tmp_path / "board.json").write_text(json.dumps(board))
    with pytest.raises(BoardError, match=r"relays.pins\[0\] is 6, it must be another pin"):
        open_board(runtime="cpython", site=SITE, board_dir=tmp_path, workdir=tmp_path / "run")
    with pytest.raises(BoardError, match="cannot be read"):
        open_board(runtime="cpython", site=SITE, board_dir=tmp_path / "none", workdir=tmp_path)
