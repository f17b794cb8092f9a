"""What opens a page without a sign-in: numbers on boxes, and the names of payments' pages."""

import pytest

from pay_kit import AMOUNT_U, Shop
from station_kit import NOW_S, new_database
from umeter_station.db import Database
from umeter_station.pay import back_pages, box_numbers, payments
from umeter_station.pay.payments import Wish
from umeter_station.secrets import Safe


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path, "m1", "m2")
    yield db
    db.close()


def _number(db, ch=1, meter="m1"):
    with db.write() as conn:
        return box_numbers.of_channel(conn, meter, ch, NOW_S)


def _checked(body):
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def test_a_number_names_its_channel_and_is_always_the_same(db):
    number = _number(db)
    assert number == _number(db) and len(number) == 20 and number.isdigit()
    with db.read() as conn:
        for typed in (number, box_numbers.spaced(number), number.replace("0", "0-")):
            target = box_numbers.find(conn, typed)
            assert (target.meter, target.ch) == ("m1", 1)
    assert len({_number(db, ch, meter) for meter in ("m1", "m2") for ch in (1, 2, 3)}) == 6


def test_one_wrong_or_swapped_digit_is_found_without_looking(db):
    number = _number(db)
    for at, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not box_numbers.is_right(number[:at] + other + number[at + 1 :])
    for at in range(19):
        if number[at] != number[at + 1]:
            swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
            assert not box_numbers.is_right(swapped)
    for text in ("", "1", number + "0", "x" * 20, "²" * 20, "٣" * 20):
        assert not box_numbers.is_right(text)


def test_a_number_with_the_check_digits_alone_opens_nothing(db):
    number = _number(db)
    with db.read() as conn:
        for body in (f"{number[:8]}{'0' * 10}", f"{'9' * 8}{number[8:18]}", number[:17] + "0"):
            guess = _checked(body)
            assert box_numbers.is_right(guess)
            assert guess == number or box_numbers.find(conn, guess) is None


def test_another_stations_number_opens_nothing(db: Database):
    number = _number(db)
    db.unlock(Safe(b"\x01" * 32))
    assert _number(db) != number
    with db.read() as conn:
        assert box_numbers.find(conn, number) is None


def test_who_pays_without_an_account_returns_to_a_page_that_nobody_guesses(db):
    with db.read() as conn:
        assert back_pages.path(conn, 5, "tenant:7", "web") == "/home/payments/5"
        for payer, way in (("public", "web"), ("tenant:7", "phone")):
            path = back_pages.path(conn, 5, payer, way)
            reference = path.rpartition("/")[2]
            assert path.startswith("/pay/payments/5-")
            assert back_pages.payment_id(conn, reference) == 5
        mac = reference.partition("-")[2]
        for wrong in ("", "5", "5-", f"6-{mac}", f"05-{mac}", f"5-{mac[:-1]}", f"5-{'0' * 32}"):
            assert back_pages.payment_id(conn, wrong) is None


def test_two_windows_pay_one_payment_and_what_was_paid_can_be_bought_again(db):
    shop = Shop(db)

    def pay(key, amount_u=AMOUNT_U):
        wish = Wish(amount_u, "m1", 1)
        return payments.start_or_resume(db, shop.clock, shop.sandbox, wish, "tenant:1", key)

    first = pay("a")
    assert pay("b").id == pay("a").id == first.id
    assert pay("c", AMOUNT_U * 2).id != first.id
    shop.deliver(shop.sandbox.finish(first.reference, "succeeded"))
    assert pay("a").state == "succeeded"
    assert pay("d").id not in (first.id, 2)
    shop.clock.unix_s += payments.LIFETIME_S
    assert pay("e").id == 4, "what is too late to be paid is not gone on with"
