"""The simulated SSD1306 and its picture."""

from io import BytesIO

import pytest
from PIL import Image

from simulated_chip import Chip
from umeter_sim import screen

ON = (0xAF, 0x8D, 0x14, 0xA1, 0xC8)


@pytest.fixture
def display():
    return Chip().modules.load("ssd1306_device").Device(None, 0x3C)


def command(display, *bytes_):
    assert display.write(bytes([0x00, *bytes_]))


def data(display, bytes_):
    assert display.write(bytes([0x40]) + bytes(bytes_))


def test_horizontal_addressing_within_a_window(display):
    command(display, 0x20, 0, 0x21, 10, 12, 0x22, 3, 4)
    data(display, range(1, 8))
    ram = display.gddram
    assert [*ram[3 * 128 + 10 : 3 * 128 + 13]] == [7, 2, 3], "the seventh begins anew"
    assert [*ram[4 * 128 + 10 : 4 * 128 + 13]] == [4, 5, 6]


def test_vertical_addressing(display):
    command(display, 0x20, 1, 0x21, 10, 11, 0x22, 3, 4)
    data(display, (1, 2, 3, 4))
    ram = display.gddram
    assert (ram[394], ram[522], ram[395], ram[523]) == (1, 2, 3, 4)


def test_page_addressing(display):
    command(display, 0xB2, 0x0E, 0x17)
    data(display, (1, 2, 3))
    assert (display.gddram[256 + 126], display.gddram[256 + 127], display.gddram[256]) == (1, 2, 3)


def test_commands_with_a_control_byte_each(display):
    for byte in (0x21, 5, 6, 0x22, 1, 1, 0x20, 0):
        assert display.write(bytes([0x80, byte]))
    data(display, (9,))
    assert display.gddram[128 + 5] == 9


def test_it_shows_nothing_before_it_is_on_and_pumped(display):
    assert display.shows() == bytes(1024) and display.read(1) == b"\x40"
    command(display, 0xAF)
    assert display.shows() == bytes(1024) and display.read(1) == b"\x00"
    command(display, 0x8D, 0x14)
    assert display.shows() != bytes(1024)


def test_which_way_round_it_is(display):
    command(display, *ON, 0x20, 0, 0x21, 0, 127, 0x22, 0, 7)
    data(display, bytes([0b11]) + bytes(1023))
    assert display.shows()[0] == 0b11
    command(display, 0xA0)
    assert display.shows()[127] == 0b11
    command(display, 0xC0)
    assert display.shows()[7 * 128 + 127] == 0b11000000
    command(display, 0xA7)
    assert display.shows()[7 * 128 + 127] == 0b00111111
    command(display, 0xA5, 0xA6)
    assert display.shows() == b"\xff" * 1024


def test_what_it_does_not_know_or_hear(display):
    with pytest.raises(ValueError, match="no command 0xff"):
        command(display, 0xFF)
    display.missing = True
    assert display.write(b"\x00\xaf") is False and display.read(1) is None


def test_the_picture():
    frame = bytearray(1024)
    frame[0] = 0b10
    image = Image.open(BytesIO(screen.png(bytes(frame))))
    assert image.size == (2 * 12 + 512, 2 * 12 + 256)
    at = (screen.MARGIN + 1, screen.MARGIN + 4 + 1)
    assert image.getpixel(at) == screen.LIT
    assert image.getpixel((at[0], at[1] - 4)) == screen.DARK
    assert image.getpixel((0, 0)) == screen.GLASS
    with pytest.raises(ValueError, match="1024 bytes, not 5"):
        screen.png(b"12345")


def test_shared_buttons_are_on_their_pins():
    from simulated_chip import board

    chip = Chip(board=board(hand={"select": 0, "act": 4}))
    pins = [chip.machine.Pin(gpio, chip.machine.Pin.IN) for gpio in (0, 4)]
    assert [pin.value() for pin in pins] == [1, 1]
    assert chip.ask("fault", kind="act") == {}
    assert [pin.value() for pin in pins] == [1, 0]
    assert chip.ask("fault", kind="act", value=False) == {}
    assert [pin.value() for pin in pins] == [1, 1]
    assert "no maintenance" in chip.ask("fault", kind="maintenance")["error"]
