"""The order that changes the meter's key, in the interpreter that runs it on the board."""

import json
from pathlib import Path

from keys_kit import FIRST, SITE, key_order
from umeter.net.envelope import sign, verify
from umeter_sim.build import build_firmware
from umeter_sim.upy import run_script

SCRIPTS = Path(__file__).parent / "scripts"


def test_a_key_is_changed_there_as_here():
    sent = [
        (key_order(1, SITE, FIRST), SITE),  # wrapped under the wrong key
        (key_order(2, FIRST, SITE, check="0" * 16), SITE),
        (key_order(3, FIRST, SITE, wrapped="\ud800" * 43), SITE),
        (key_order(4, FIRST, SITE), SITE),
        ({"n": 5, "op": "link"}, SITE),
        ({"n": 6, "op": "read"}, FIRST),
        ({"n": 7, "op": "read"}, SITE),
        ({"n": 8, "op": "read", "meter": "m2"}, FIRST),
        ({"n": 9, "op": [[[]]]}, FIRST),
    ]
    tokens = [sign(key, json.dumps(order).encode()).decode() for order, key in sent]
    arg = json.dumps([SITE.hex(), *tokens])
    paths = [build_firmware().folder, SCRIPTS / "kit"]
    told = json.loads(run_script(SCRIPTS / "keys.py", arg=arg, paths=paths))
    codes = []
    for (answer, _), (_, key) in zip(told[:-1], sent, strict=True):
        codes.append(answer and json.loads(verify(key, answer.encode(), 8192))["code"])
    assert codes == [
        "not_now",
        "not_now",
        "malformed",
        "applied",
        "applied",
        "applied",
        None,
        "wrong_meter",
        "unknown_op",
    ]
    both, new, old = [FIRST.hex(), SITE.hex()], [FIRST.hex()], [SITE.hex()]
    assert [keys for _, keys in told] == [old] * 3 + [both] * 2 + [new] * 5
