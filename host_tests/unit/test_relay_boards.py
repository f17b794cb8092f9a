"""Whole simulated boards with each kind of relays: from boot.py to fed users."""

import shutil
from pathlib import Path

import pytest

from relay_kit import WIRED, Rig, document
from umeter_deploy import files

BOOT = Path(__file__).resolve().parents[2] / "firmware" / "boot.py"
SITE = {"meter": "m1", "key": "ab" * 32, "wifi": [{"ssid": "a"}], "broker": {"host": "b"}}
EIGHT = [0, 1, 2, 3, 4, 5, 6, 7]
TCA = {"chip": "tca9554", "address": 0x20, "bits": EIGHT}
BUSES = {"i": WIRED, "r": {"type": "uart", "id": 1, "tx": 19, "rx": 18, "de": 4}}
SHIFT = {"type": "shift", "data": 33, "clock": 26, "latch": 25, "oe": 13, "active": "low"}
BOARDS = {
    "i2c": {"type": "i2c", "bus": "i", "active": "high", "chips": [TCA]},
    "shift": {**SHIFT, "bits": EIGHT},
    "latching": {"type": "latching", "coils": 2, "active": "high", "pins": [[16, 17], [23, 25]]},
    "modbus": {"type": "modbus", "bus": "r", "address": 1, "coils": EIGHT},
}


@pytest.mark.parametrize("kind", BOARDS)
def test_users_with_credit_are_fed_and_nobody_else(tmp_path, kind):
    (tmp_path / "site.json").write_text(files.site_text(SITE | {"plain_tcp": True}))
    shutil.copy(BOOT, tmp_path / "boot.py")
    rig = Rig(tmp_path, document(BOARDS[kind], BUSES))
    control = rig.chip.control
    assert control.boot() == control.RUNNING, rig.chip.said
    assert not any(rig.closed)
    meter = control._app.meter
    fed = [channel.index != 1 for channel in meter.channels]
    for channel in meter.channels:
        if fed[channel.index]:
            channel.account.credit(1_000_000_000)
    assert control.run(15_000) == control.RUNNING, rig.chip.said
    assert rig.closed == fed
    assert [bool(channel.contact) for channel in meter.channels] == fed
    meter.channels[0].claims |= 4  # the operator's
    control.run(1000)
    assert not rig.closed[0]
    moves = rig.chip.modules.load("umeter.core.tell").moves(meter)
    assert moves[0] == 2 and moves[1] == 0
