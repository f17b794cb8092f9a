"""`umeter calibrate`: readings of a known load, the gain that makes them true, and the order."""

import threading
from contextlib import contextmanager
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli_kit import clocked_home
from fakes_board import Board
from station_kit import NOW_S, reading, result, store
from umeter.core import calibration
from umeter_deploy import cli_calibrate
from umeter_deploy.cli import app
from umeter_station import answers, calibrating, orders, words
from umeter_station.envelope import sign
from umeter_station.errors import StationError
from umeter_station.inbox import Message
from umeter_station.meters import add
from umeter_station.station import Books


class Bench:
    """A station's home, and a meter that answers its orders: loads and gains by channel."""

    def __init__(self, folder):
        self.home = clocked_home(folder)
        self.books = Books(self.home)
        self.board = Board(channels=3)
        with self.books.db.write() as conn:
            add(conn, "m1", self.board.key, NOW_S)
        self.raw_dw = [0, 9_700, 0]
        self.wobble = [0]
        self.contact, self.age_s = [1, 1, 1], [0, 0, 0]
        self.mute = False
        self.seq = 0

    def answer(self):
        """Whatever is open gets the meter's answer."""
        with self.books.db.read() as conn:
            open_orders = [
                row.id
                for row in conn.exec_driver_sql(
                    "select id from commands where state = 'created' order by n"
                )
            ]
        for command_id in open_orders:
            if not self.mute:
                store(self.books.db, self._answered(self.books.command(command_id)))

    def _answered(self, command):
        if command.op == "read":
            self.seq += 1
            more = self.wobble[self.seq % len(self.wobble)]
            powers = [
                self._shown(index, raw + more if raw else 0)
                for index, raw in enumerate(self.raw_dw)
            ]
            document = reading(seq=self.seq, channels=3, power_dw=powers)
            document.update(contact=self.contact, age_s=self.age_s)
            return result(command.n, key=self.board.key, op="read", reading=document)
        token = sign(self.board.key, orders.payload(command, NOW_S))
        return Message("umeter/m1/up/result", self.board.commands.handle(token))

    def _shown(self, index, raw_dw):
        tuning = self.board.samples[index].tuning
        return tuning.power(raw_dw) if tuning else raw_dw

    @contextmanager
    def answering(self):
        ended = threading.Event()

        def loop():
            while not ended.wait(0.002):
                self.answer()

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def calibrate(self, *words, ch=2, known_w="1000", said=""):
        arguments = ["calibrate", "m1", str(ch), "--home", str(self.home)]
        arguments += ["--known-w", known_w, "--samples", "4", *map(str, words)]
        with self.answering():
            done = CliRunner().invoke(app, arguments, input=said, env={"COLUMNS": "150"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def values(self, ch=2):
        return calibration.values(self.board.samples[ch - 1])


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(cli_calibrate, "_PAUSE_S", 0)
    monkeypatch.setattr(cli_calibrate, "_ANSWER_S", 5)
    bench = Bench(tmp_path)
    yield bench
    bench.books.close()


def lines(done):
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_a_known_load_makes_the_channel_true(bench):
    done = bench.calibrate("--yes")
    assert done.exit_code == 0, done.output
    assert bench.values() == (30_928, 0, 0, 0)
    assert "before 970.00 1000.0 -3.00 +0" in lines(done)
    assert "after 1000.00 1000.0 +0.00 +30928" in lines(done)
    assert bench.values(1) == bench.values(3) == (0, 0, 0, 0)


def test_creep_and_phase_go_with_it(bench):
    assert bench.calibrate("--yes", "--creep-w", "1.5", "--phase", "-12").exit_code == 0
    assert bench.values() == (30_928, 0, -12, 15)


def test_a_second_time_begins_from_the_gain_that_is_there(bench):
    bench.calibrate("--yes")
    bench.raw_dw[1] = 9_900
    done = bench.calibrate("--yes")
    assert abs(bench.values()[0] - 10_101) <= 60, "of powers to 0.1 W"
    assert "before 1020.60 1000.0 +2.06 +30928" in lines(done)


def test_a_gain_that_the_station_did_not_know_of_is_counted_in(bench):
    calibration.tune(bench.board.samples[1], (20_000, 0, 0, 0))
    done = bench.calibrate("--yes")
    assert done.exit_code == 0, done.output
    assert "had a gain of +20000 ppm already" in done.stdout
    assert abs(bench.values()[0] - 30_928) <= 60, "of powers to 0.1 W"


def test_a_gain_that_would_be_too_much_with_the_one_it_had_is_taken_back(bench):
    calibration.tune(bench.board.samples[1], (90_000, 0, 0, 0))
    bench.raw_dw[1] = 8_700
    done = bench.calibrate("--yes")
    assert done.exit_code == 1 and "had a gain of +90000 ppm already" in done.stderr
    assert bench.values()[0] == 90_000


def test_nothing_is_sent_before_somebody_agrees(bench):
    for said in ("", "n\n", "y\n", "y\nn\n"):
        done = bench.calibrate(said=said)
        assert done.exit_code == 1 and "Nothing was changed" in done.stderr
    assert bench.values() == (0, 0, 0, 0)
    assert bench.calibrate(said="y\ny\n").exit_code == 0
    assert bench.values()[0] == 30_928


@pytest.mark.parametrize(
    "change, words",
    [
        ({"raw_dw": [0, 0, 0]}, "Channel 2 shows 0 W"),
        ({"raw_dw": [0, 0, 9_900]}, "channel 3 shows 990 W"),
        ({"raw_dw": [0, 4_900, 0]}, "more than 10 % off"),
        ({"raw_dw": [10_020, 11_200, 0]}, "channel 1 shows 1002 W"),
        ({"wobble": [0, 300, -200]}, "not steady"),
        ({"contact": [1, 0, 1]}, "contact of channel 2 is open"),
        ({"age_s": [0, 9, 0]}, "last measured 9 s ago"),
    ],
)
def test_what_is_no_good_load_calibrates_nothing(bench, change, words):
    for name, value in change.items():
        setattr(bench, name, value)
    done = bench.calibrate("--yes")
    assert done.exit_code == 1 and words in done.stderr, done.output
    assert done.stderr.strip().count("\n") == 0
    assert bench.values() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "words, ch, said",
    [
        (["--known-w", "5"], 2, "--known-w is 5, it has to be 20 to 25000 W"),
        (["--known-w", "a lot"], 2, "--known-w is a lot"),
        (["--creep-w", "900"], 2, "--creep-w is 900, it has to be 0 to 100 W"),
        (["--phase", "40000"], 2, "phase is 40000; it has to be -32767 to 32767"),
    ],
)
def test_what_cannot_be_is_refused_in_words(bench, words, ch, said):
    done = bench.calibrate("--yes", *words, ch=ch)
    assert done.exit_code == 1 and said in done.stderr


def test_a_meter_that_does_not_answer_and_one_that_nobody_knows(bench, monkeypatch):
    monkeypatch.setattr(cli_calibrate, "_ANSWER_S", 0.05)
    bench.mute = True
    done = bench.calibrate("--yes")
    assert done.exit_code == 1 and "m1 has not answered yet" in done.stderr
    arguments = ["calibrate", "m9", "1", "--home", str(bench.home), "--known-w", "100"]
    assert "m9" in CliRunner().invoke(app, arguments).stderr


@given(
    st.integers(200, 250_000),
    st.integers(-100_000, 100_000),
    st.lists(st.integers(200, 250_000), min_size=1, max_size=9),
)
def test_the_gain_is_the_exact_one_rounded_once(true_dw, now_ppm, shown):
    true_w = Fraction(true_dw, 10)
    gain = calibrating.gain_ppm(true_w, shown, now_ppm)
    raw = Fraction(sum(shown), len(shown)) / Fraction(1_000_000 + now_ppm, 1_000_000)
    assert abs(Fraction(true_dw) / raw * 1_000_000 - 1_000_000 - gain) <= Fraction(1, 2)


@pytest.mark.parametrize("values", [{}, {"gain": 1}, {"gain_ppm": 100_001}, {"creep_dw": True}])
def test_an_order_that_no_meter_would_take_is_not_placed(bench, values):
    with pytest.raises(StationError):
        bench.books.order_calibrate("m1", 1, **values)
    assert bench.books.open_orders("m1") == 0


def test_the_order_is_told_in_words(bench):
    command_id = bench.books.order_calibrate("m1", 2, gain_ppm=5)
    bench.answer()
    command = bench.books.command(command_id)
    assert answers.sentence(command) == "m1 has calibrated channel 2."
    assert command.result["after"] == [5, 0, 0, 0]
    assert words.event_detail("calibrated", 0, -5) == "gain +0 ppm before, now -5"
