"""`umeter board new`: whatever is answered, what is written is good."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from umeter_deploy import board_check, board_new, board_questions, files
from umeter_deploy.cli import app

PZEM_1 = ["esp32", "", "uart", "33", "34", "", "", "none"]


class Person:
    """Answers in this order, "" for the default; notes what it is asked and told."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.heard = []

    def prompt(self, words, default):
        self.heard.append(words)
        if not self.answers:
            raise EOFError("no answer to: " + words)
        answer = self.answers.pop(0)
        assert answer or default is not None, "there is no default: " + words
        return answer or default

    def tell(self, sentence):
        self.heard.append("! " + sentence)


def made(*answers):
    """The document that a person's answers make; all of them are asked for."""
    person = Person(answers)
    document = board_new.ask("mine", person.prompt, person.tell)
    assert person.answers == []
    board_check.check(document)
    return document


def heard(*answers):
    """What a person hears who stops after these answers."""
    person = Person(answers)
    with pytest.raises(EOFError):
        board_new.ask("mine", person.prompt, person.tell)
    return person.heard


def umeter_new(folder, answers):
    done = CliRunner().invoke(app, ["board", "new", str(folder)], input="\n".join([*answers, ""]))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_three_users_with_pzem():
    document = made(*PZEM_1, "", "16, 17 18", "low", "", *[""] * 9, "")
    assert document == {
        "name": "mine",
        "mcu": "esp32",
        "buses": {"uart1": {"type": "uart", "id": 1, "tx": 33, "rx": 34, "baud": 9600}},
        "relays": {"type": "gpio", "pins": [16, 17, 18], "active": "low"},
        "channels": [{"frontend": "pzem", "bus": "uart1", "address": n} for n in (1, 2, 3)],
        "about": {"source": ["answers to umeter board new"], "verified": False},
    }


@pytest.mark.parametrize(
    "answers, sentence",
    [
        (["esp8266"], "'esp8266' is none of: esp32, esp32s2, esp32s3, esp32c3, esp32c6."),
        (["", "octal"], "'octal' is none of: none, quad."),
        ([*PZEM_1[:3], "tx"], "'tx' is not a number, nor a list of numbers."),
        ([*PZEM_1[:3], "6"], "tx is 6, it must be another pin: GPIO 6-11 carry the flash."),
        ([*PZEM_1[:3], "34"], "tx is 34, it must be a pin with an output: GPIO 34-39 are inp"),
        ([*PZEM_1[:3], "33", "33"], "rx is GPIO 33, which is taken by tx; give each its own."),
        ([*PZEM_1[:3], "33 34"], "'33 34' is not one number."),
        ([*PZEM_1, "", "16 33"], "pins is GPIO 33, which is taken by buses.uart1.tx; give"),
        ([*PZEM_1, "", "16 16"], "pins is GPIO 16, which is taken by pins; give each its own."),
        ([*PZEM_1, "", "2", "short"], "GPIO 2 needs a reason of ten characters or more."),
        ([*PZEM_1, "", "2", ""], "GPIO 2 needs a reason of ten characters or more."),
        ([*PZEM_1, "latching", "", "16 17 18"], "That is 3 GPIOs, it must be two for each relay."),
        ([*PZEM_1, "", "16", "", "2"], "'2' is not a number from 1 to 1."),
        ([*PZEM_1, "", "16", "", "", "pzem16"], "'pzem16' is none of: pzem, s0, bl0942, "),
    ],
)
def test_a_bad_answer_is_told_and_asked_again_at_once(answers, sentence):
    *_, asked, told, again = heard(*answers)
    assert told.startswith("! " + sentence)
    assert again == asked or "why may it be used" in asked


def test_a_bad_part_is_asked_again_with_what_was_said():
    wrong = [*PZEM_1[:5], "100", "", "9600"]
    said = heard(*wrong[:7])
    assert said[-2].startswith("! buses.uart1.baud is 100, it must be a whole number from 1200")
    assert made(*PZEM_1[:5], "100", "", "", "", "9600", "", "none", "", "16", *[""] * 6)


def test_a_relay_kind_without_its_bus_can_be_left():
    document = made(*PZEM_1, "i2c", "gpio", "16", "", "", "", "", "", "")
    assert document["relays"]["type"] == "gpio"


def test_a_strapping_pin_needs_its_reason_once():
    document = made(*PZEM_1, "", "2 16", "the LED is at ground", *[""] * 8, "")
    assert document["allow_strapping"] == {"2": "the LED is at ground"}


def test_a_reason_for_a_pin_that_was_given_up_is_forgotten():
    document = made(*PZEM_1, "", "2 99", "the LED is at ground", "16", *[""] * 5, "")
    assert "allow_strapping" not in document


def test_a_led():
    assert made(*PZEM_1, "", "16", *[""] * 5, "4", "low")["led"] == {"pin": 4, "active": "low"}


def test_pins_of_the_extra_ram_are_refused():
    answers = ["esp32s3", "octal", "uart", "33"]
    assert "GPIO 33-37 carry the octal RAM" in heard(*answers)[-2]


def test_a_chip_on_which_nothing_can_measure():
    person = Person(["esp32c3", "none", "", "3", ""])
    with pytest.raises(ValueError, match="nothing can measure a channel"):
        board_new.ask("mine", person.prompt, person.tell)


I2C_0 = ["i2c", "22", "21", "none"]
RELAYS = {
    "gpio": ([], ["16", "high"]),
    "i2c": (I2C_0, ["", "low", "pcf8574", "0x24", "0"]),
    "shift": ([], ["16", "17", "18", "", "high", "0", "1"]),
    "latching": ([], ["2", "16 17", "high"]),
    "modbus": (["uart", "16", "17", "9600", "18", "none"], ["uart2", "1", "0"]),
}
SPI_1 = ["spi", "14", "13", "35", "1", "1", "none"]
FRONT_ENDS = {
    "pzem": ([], ["", "1"]),
    "s0": ([], ["35", "1000"]),
    "atm90e32": (SPI_1, ["", "32", "a"]),
    "ade7953": (I2C_0, ["", "", "a", "990000 1000", "5000"]),
    "bl0942": ([], ["", "0", "1950000 510", "1000"]),
    "bl0906": (["uart", "32", "35", "19200", "", "none"], ["uart2", "1", "1500000 100", "1000"]),
    "hlw8012": ([], ["", "35", "1950000 1000", "1000"]),
}


def test_every_kind_has_its_questions():
    assert set(board_questions.RELAYS) == set(board_check.RELAYS) == set(RELAYS)
    assert set(board_questions.FRONT_ENDS) == set(board_check.FRONT_ENDS) == set(FRONT_ENDS)


@pytest.mark.parametrize("kind", RELAYS)
def test_every_kind_of_relays(kind):
    buses, answers = RELAYS[kind]
    document = made(
        *(PZEM_1[:-1] + buses if buses else PZEM_1), kind, *answers, "1", "", "", "", ""
    )
    assert document["relays"]["type"] == kind


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_every_kind_of_front_end(kind):
    buses, answers = FRONT_ENDS[kind]
    before = PZEM_1[:-1] + buses if buses else PZEM_1
    document = made(*before, "gpio", "16", "high", "1", kind, *answers, "")
    assert document["channels"][0]["frontend"] == kind


WORDS = st.one_of(
    st.sampled_from(["", "none", "uart", "i2c", "spi", "gpio", "shift", "modbus", "s0", "pzem"]),
    st.sampled_from(
        ["esp32", "esp32s3", "esp32c3", "high", "0x24", "atm90e32", "a", "x", "4 5 6"]
    ),
    st.sampled_from(["it goes to ground", "1 2 3 4 5 6 7 8", "16 17", "-1", "99", "9600", "quad"]),
    st.integers(0, 50).map(str),
)


@given(st.lists(WORDS, max_size=80))
def test_what_comes_of_any_answers_is_good(answers):
    answers = iter(answers)

    def prompt(words, default):
        answer = next(answers, None)
        if answer is None:
            raise EOFError
        return answer or default or "1"

    try:
        document = board_new.ask("mine", prompt, lambda sentence: None)
    except EOFError:
        return
    except ValueError as error:
        assert "nothing can measure a channel" in str(error)
        return
    assert json.loads(board_new.text(document)) == document
    files.board_text(document)


def test_it_is_written_into_its_folder(tmp_path):
    folder = tmp_path / "my_board"
    answers = [*PZEM_1, "", "7", "16 17", *[""] * 10]
    done = umeter_new(folder, answers)
    assert done.exit_code == 0
    assert "pins is 7, it must be another pin: GPIO 6-11 carry the flash." in done.stderr
    text = (folder / "board.json").read_text()
    assert json.loads(text)["name"] == "my_board"
    assert '    {"frontend": "pzem", "bus": "uart1", "address": 2}\n' in text
    done = CliRunner().invoke(app, ["board", "check", str(folder)])
    assert done.exit_code == 0 and "Nobody has tried" in done.stderr


def test_what_is_there_stays(tmp_path):
    (tmp_path / "board.json").write_text("mine")
    done = umeter_new(tmp_path, [])
    assert done.exit_code == 1 and "is there already: name another folder." in done.stderr
    assert (tmp_path / "board.json").read_text() == "mine"


def test_who_stops_leaves_nothing(tmp_path):
    folder = tmp_path / "none"
    done = umeter_new(folder, PZEM_1)
    assert done.exit_code == 1 and not folder.exists()


def test_a_folder_whose_name_is_no_name(tmp_path):
    done = umeter_new(tmp_path / ("x" * 33), PZEM_1)
    assert done.exit_code == 1 and "it must be a text of 1 to 32 characters." in done.stderr


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    done = umeter_new(tmp_path / "file" / "below", [*PZEM_1, "", "16", *[""] * 10])
    assert done.exit_code == 1 and "cannot be written" in done.stderr
