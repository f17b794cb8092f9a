"""BL0942, BL0906 and BL0937 on one simulated board, built by the firmware from its board.json."""

import pytest

import simulated_chip
from umeter_deploy import board_check

SHUNT = {"shunt_uohm": 1000, "divider_ohm": [1_950_000, 510]}
CT = {"ct_ratio": 2000, "burden_mohm": 10_200, "divider_ohm": [99_900, 100]}
BUSES = {
    "a": {"type": "uart", "id": 1, "tx": 33, "rx": 34, "baud": 4800},
    "b": {"type": "uart", "id": 2, "tx": 32, "rx": 36, "baud": 19_200},
}
CHANNELS = [
    {"frontend": "bl0942", "bus": "a", "address": 0, **SHUNT},
    {"frontend": "bl0942", "bus": "a", "address": 3, **SHUNT},
    {"frontend": "bl0906", "bus": "b", "input": 1, **CT},
    {"frontend": "bl0906", "bus": "b", "input": 6, **CT},
    {"frontend": "hlw8012", "chip": "bl0937", "pin": 14, **SHUNT},
]


@pytest.fixture
def chip():
    document = simulated_chip.board(CHANNELS, buses=BUSES)
    board_check.check(document)
    return simulated_chip.Chip(
        board={**document, **board_check.for_board(document)}, loads=(5000, 10_000, 15_000)
    )


def test_each_channel_is_metered_and_a_dip_of_the_supply_is_noticed(chip):
    document = simulated_chip.board(CHANNELS, buses=BUSES)
    made = chip.modules.load("umeter.hal.board").Board(
        board_check.for_board(document), lambda name: chip.modules.load("umeter." + name)
    )

    def run(ms):
        for _ in range(ms // 100):
            chip.pass_ms(100)
            for bus in made.buses:
                bus.poll(100)

    run(3_000)
    for i in range(5):
        made.relays.set(i, True)
    run(60_000)
    wanted = (5000, 10_000, 15_000, 5000, 10_000)
    for sample, power_dw in zip(made.samples, wanted, strict=True):
        assert sample.power_dw == pytest.approx(power_dw, rel=0.01)
        metered = sample.count * sample.units_per_count
        assert metered == pytest.approx(power_dw * 60_000, rel=0.05)
        assert sample.bad_frames == 0 and sample.silent_ms < 1_500 and not sample.rewritten
    counts = [sample.count for sample in made.samples]
    for channel in (1, 3):
        chip.ask("fault", kind="brownout", ch=channel, value=True)
    run(30_000)
    assert [sample.rewritten for sample in made.samples] == [1, 0, 1, 1, 0]
    for sample, before in zip(made.samples, counts, strict=True):
        assert sample.count == pytest.approx(before * 1.5, rel=0.05), "it goes on"
