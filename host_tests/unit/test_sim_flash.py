import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_chip import POWER_FAIL, Chip

SECTOR = 4096


@pytest.fixture
def chip():
    return Chip()


def test_new_cells_are_blank_and_programming_only_clears_bits(chip):
    flash = chip.flash.partitions["journal"]
    assert flash.cells == b"\xff" * 4 * SECTOR
    flash.program(10, b"\xf0\x0f")
    flash.program(10, b"\x3c\xff")
    assert flash.cells[9:13] == b"\xff\x30\x0f\xff"


def test_erase_sets_one_sector_and_is_counted(chip):
    flash = chip.flash.partitions["journal"]
    flash.program(0, bytes(2 * SECTOR))
    flash.erase(1)
    assert flash.cells[: 2 * SECTOR] == bytes(SECTOR) + b"\xff" * SECTOR
    assert flash.erased == [0, 1, 0, 0]


def test_erasing_and_programming_take_their_time(chip):
    began = chip.world.world.ticks
    chip.flash.partitions["journal"].erase(0)
    assert chip.world.world.ticks - began == 45
    for page in range(16):
        chip.flash.partitions["journal"].program(page * 256, bytes(256))
    assert 10 <= chip.world.world.ticks - began - 45 <= 12


@given(kept=st.integers(0, 64), data=st.binary(min_size=64, max_size=64))
def test_a_cut_inside_programming_keeps_exactly_the_bytes_before_it(kept, data):
    chip = Chip()
    flash = chip.flash.partitions["journal"]
    flash.cut_after(kept)
    if kept < len(data):
        with pytest.raises(chip.world.PowerCut):
            flash.program(100, data)
    else:
        flash.program(100, data)
    assert flash.cells[100 : 100 + kept] == data[:kept]
    assert flash.cells[100 + kept : 200] == b"\xff" * (100 - kept)


def test_a_cut_inside_erasing_leaves_half_a_sector(chip):
    flash = chip.flash.partitions["journal"]
    flash.program(0, bytes(SECTOR))
    flash.cut_after(1000)
    with pytest.raises(chip.world.PowerCut):
        flash.erase(0)
    assert flash.cells[:SECTOR] == b"\xff" * 1000 + bytes(SECTOR - 1000)


@pytest.mark.parametrize("offset, size", [(-1, 4), (4 * SECTOR - 3, 4), (5 * SECTOR, 1)])
def test_nothing_outside_of_the_partition(chip, offset, size):
    with pytest.raises(OSError):
        chip.flash.partitions["journal"].program(offset, bytes(size))
    with pytest.raises(OSError):
        chip.flash.partitions["journal"].read(offset, bytearray(size))


def test_partition_by_label_with_the_block_protocol(chip):
    partition = chip.esp32.Partition("journal")
    assert chip.esp32.Partition.find(1, label="journal")[0].info() == partition.info()
    assert chip.esp32.Partition.find(1, label="vfs") == []
    assert partition.ioctl(4, 0) == 4 and partition.ioctl(5, 0) == SECTOR
    partition.writeblocks(2, b"\x00" * 4, 8)
    partition.writeblocks(2, b"\x55" * SECTOR)  # without an offset it erases first
    found = bytearray(8)
    partition.readblocks(2, found, 4)
    assert found == b"\x55" * 8
    partition.ioctl(6, 2)
    partition.readblocks(2, found, 4)
    assert found == b"\xff" * 8
    with pytest.raises(OSError):
        chip.esp32.Partition("factory")


def test_two_partitions_apart_but_for_the_power(chip):
    journal, log = chip.esp32.Partition("journal"), chip.esp32.Partition("log")
    assert len(chip.esp32.Partition.find(1)) == 2
    chip.ask("fault", kind="flash_cut", value=6)
    journal.writeblocks(0, bytes(4), 0)
    with pytest.raises(chip.world.PowerCut):
        log.writeblocks(0, bytes(4), 0)
    cells = {label: part.cells for label, part in chip.flash.partitions.items()}
    assert cells["journal"][:5] == bytes(4) + b"\xff"
    assert cells["log"][:5] == bytes(2) + b"\xff" * 3


def test_a_cut_can_be_counted_in_one_partition(chip):
    chip.ask("fault", kind="flash_cut", value=6, label="log")
    chip.flash.partitions["journal"].program(0, bytes(100))
    with pytest.raises(chip.world.PowerCut):
        chip.flash.partitions["log"].program(0, bytes(7))


def test_an_erase_can_be_left_half_done_by_its_number(chip):
    log = chip.flash.partitions["log"]
    log.program(0, bytes(3 * SECTOR))
    chip.ask("fault", kind="erase_cut", value=1)
    log.erase(0)
    with pytest.raises(chip.world.PowerCut):
        log.erase(1)
    half = log.cells[SECTOR : 2 * SECTOR]
    assert log.cells[:SECTOR] == b"\xff" * SECTOR and log.cells[2 * SECTOR] == 0
    assert set(half) != {0} and set(half) != {255}
    assert chip.ask("wear") == {"journal": [0] * 4, "log": [1, 1, 0, 0]}


def test_a_bit_rots_on_request(chip):
    chip.ask("fault", kind="rot", label="journal", value=[5, 3])
    cells = chip.flash.partitions["journal"].cells
    assert cells[4:7] == b"\xff\xf7\xff"


def test_cells_and_wear_outlive_a_power_cut():
    cells = {}
    first = Chip(cells=cells)
    first.flash.partitions["log"].erase(2)
    first.flash.partitions["log"].program(7, b"abc")
    first.control.cut_power()
    second = Chip(cells=cells, state=first.control.state(1000))
    assert second.flash.partitions["log"].cells[7:10] == b"abc"
    assert second.ask("wear")["log"] == [0, 0, 1, 0]


def test_the_power_fail_input_warns_before_the_cut(chip):
    pin = chip.machine.Pin(POWER_FAIL["pin"], chip.machine.Pin.IN)
    chip.ask("fault", kind="power_cut", after_ms=500, warn_ms=20)
    chip.pass_ms(479)
    assert pin.value() == 1
    chip.pass_ms(1)
    assert pin.value() == 0
    with pytest.raises(chip.world.PowerCut):
        chip.pass_ms(20)
