"""Buying by telephone: PINs and their locks, a call from the PIN to the receipt, SMS commands."""

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from pay_kit import Shop, hasty
from station_kit import NOW_S, Killed, killed_at_statement
from umeter_station import ledger
from umeter_station.errors import Conflict, StationError
from umeter_station.models_pay import phone_calls, phone_messages, phone_pins
from umeter_station.pay import phone, pins, sms, spoken
from umeter_station.people import tenants

GATE = "key:ivr"
PIN = "2580"


@pytest.fixture
def shop(db, monkeypatch):
    """Tenant 1 has channels 3 and 4 of m1, and 20.00 in the wallet."""
    # Next to no work, where it is not the hashing that is tested.
    monkeypatch.setattr(pins, "_HASHER", PasswordHasher(1, 8, 1))
    shop = Shop(hasty(db))
    pin_hash = pins.hashed(PIN)
    with shop.db.write() as conn:
        tenants.add(conn, "Anna", "operator:otto", NOW_S, phone="+49 170 1234567")
        tenants.add(conn, "Bert", "operator:otto", NOW_S, phone="+49 170 7654321")
        for ch in (3, 4):
            tenants.move_in(conn, 1, "m1", ch, NOW_S, "operator:otto", NOW_S)
        pins.store(conn, 1, pin_hash, "operator:otto", NOW_S)
        fill(conn, 20_000_000)
    return shop


def fill(conn, amount_u, key="t1"):
    ledger.post(
        conn,
        key=key,
        debit="bank:giro",
        credit=ledger.wallet(1),
        amount_u=amount_u,
        created_at=NOW_S,
    )


def call(shop, pin=PIN, number="", meter="m1", ch=3):
    return phone.begin_call(shop.db, shop.clock, GATE, number, pin, meter, ch)


def refused(shop, pin="0000"):
    with pytest.raises(pins.Refused):
        call(shop, pin)


def test_pins_are_argon2id_and_never_stored_as_they_are():
    assert pins.hashed(PIN).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("pin", ["", "123", "1234", "4321", "0000", "12a4", "1" * 9, "１２３５"])
def test_a_pin_that_is_guessed_or_none_is_refused(pin):
    with pytest.raises(StationError):
        pins.check(pin)


def test_three_wrong_tries_lock_it_each_time_for_twice_as_long(shop):
    for lock in range(pins.LOCKS):
        for _ in range(pins.TRIES):
            refused(shop)
        refused(shop, PIN)
        if lock < pins.LOCKS - 1:
            shop.clock.unix_s += pins.FIRST_LOCK_S * 2**lock - 1
            refused(shop, PIN)
            shop.clock.unix_s += 1
    shop.clock.unix_s += 365 * 86_400
    refused(shop, PIN)
    with shop.db.read() as conn:
        assert pins.locked(conn, shop.clock.now_s()) == {1: pins.FOR_GOOD}
    with shop.db.write() as conn:
        pins.unlock(conn, 1, "operator:otto", NOW_S)
    assert call(shop)[1].tenant_id == 1


def test_a_right_pin_forgets_the_wrong_ones(shop):
    for _ in range(3):
        refused(shop)
        refused(shop)
        call(shop)
    assert shop.rows(phone_pins)[0].locks == 0


def test_tries_at_once_are_counted_before_they_are_looked_at(shop, monkeypatch):
    looked_at = []

    class Slow:
        def verify(self, *_):
            looked_at.append(1)
            if len(looked_at) == 1:
                # While this one is looked at, others try.
                for _ in range(9):
                    refused(shop)
            raise pins.VerifyMismatchError

    monkeypatch.setattr(pins, "_HASHER", Slow())
    refused(shop)
    row = shop.rows(phone_pins)[0]
    assert (row.locks, row.locked_until) == (1, NOW_S + pins.FIRST_LOCK_S)


def test_a_new_pin_ends_the_calls_of_the_old_one(shop):
    token, _ = call(shop)
    with shop.db.write() as conn:
        pins.store(conn, 1, pins.hashed("97531"), "tenant:1", NOW_S)
    with shop.db.read() as conn, pytest.raises(StationError, match="ended"):
        phone.find_call(conn, GATE, token, NOW_S)
    refused(shop, PIN)


def test_a_number_is_a_hint_and_the_pin_the_proof(shop):
    token, found = phone.begin_call(shop.db, shop.clock, GATE, "+49 (170) 123-4567", PIN)
    assert found.tenant_id == 1 and shop.rows(phone_calls)[0].token_hash != token
    for number in ("", "+491709999999", "anonymous", "+491707654321"):
        with pytest.raises(pins.Refused):
            phone.begin_call(shop.db, shop.clock, GATE, number, PIN)


def test_a_token_is_good_for_its_gateway_and_ten_minutes(shop):
    token, _ = call(shop)
    with shop.db.read() as conn:
        assert phone.find_call(conn, GATE, token, NOW_S + phone.CALL_S - 1).tenant_id == 1
        for gateway, at_s in ((GATE, NOW_S + phone.CALL_S), ("key:other", NOW_S)):
            with pytest.raises(StationError, match="ended"):
                phone.find_call(conn, gateway, token, at_s)


def buy(shop, message="c1", ch=3, paid_u=5_000_000):
    with shop.db.write() as conn:
        return phone.buy(conn, GATE, message, 1, "m1", ch, paid_u, NOW_S)


def test_the_wallet_pays_once_per_step_of_the_call(shop):
    first = buy(shop)
    assert buy(shop).purchase.id == first.purchase.id
    with pytest.raises(Conflict):
        buy(shop, paid_u=6_000_000)
    assert shop.balance_u(ledger.wallet(1)) == 15_000_000
    assert shop.balance_u(ledger.transit("m1", 3)) == 5_000_000
    with pytest.raises(StationError, match=r"holds 15\.00"):
        buy(shop, "c2", paid_u=15_010_000)
    buy(shop, "c2", paid_u=15_000_000)
    assert buy(shop).repeated and shop.balance_u(ledger.wallet(1)) == 0


def test_nobody_buys_for_a_channel_of_another(shop):
    for meter, ch in (("m1", 5), ("m9", 3)):
        with shop.db.write() as conn, pytest.raises(StationError, match="no channel"):
            phone.buy(conn, GATE, "c1", 1, meter, ch, 1_000_000, NOW_S)


def text(shop, message, words, number="+491701234567", provider=True):
    found = shop.sandbox if provider else None
    return sms.answer(shop.db, shop.clock, found, "EUR", GATE, message, number, words)


def test_sms_commands(shop):
    assert "Wallet 20.00 EUR" in text(shop, "s1", f"{PIN}*m1*3")
    assert "credit of 5.00 EUR" in text(shop, "s2", f"{PIN} M1 3 5,00?")
    bought = text(shop, "s3", f"{PIN}*M1*3*5*50#")
    assert bought.startswith("Bought for 5.50 EUR") and "Receipt phone 1" in bought
    assert text(shop, "s3", f"{PIN}*M1*3*5*50#") == bought
    assert shop.balance_u(ledger.wallet(1)) == 14_500_000
    with pytest.raises(Conflict):
        text(shop, "s3", f"{PIN}*m1*3*9")
    link = text(shop, "s4", f"{PIN}*m1*3*99")
    assert link.startswith("Pay 99.00 EUR here: ") and text(shop, "s4", f"{PIN}*m1*3*99") == link
    assert "pay in first" in text(shop, "s5", f"{PIN}*m1*3*99", provider=False)
    assert len(shop.sold()) == 1


def test_no_pin_is_stored_or_answered(shop):
    for number, words in enumerate((f"{PIN}*m1*3", f"{PIN}*m1*3*5", "9753*m1*3", "what?")):
        assert PIN not in text(shop, f"s{number}", words)
    told = repr(shop.rows(phone_messages))
    assert PIN not in told and "9753" not in told


def test_an_sms_to_a_locked_pin_says_no_more_than_to_a_wrong_one(shop):
    wrong = [text(shop, f"s{n}", "9753*m1*3*5") for n in range(3)]
    locked = text(shop, "s9", f"{PIN}*m1*3*5")
    nobody = text(shop, "s8", f"{PIN}*m7*3*5")
    assert {*wrong, locked, nobody} == {str(pins.Refused())}
    assert shop.sold() == []


@pytest.mark.parametrize("words, ch", [("{}*m1*3*5", 3), ("{}*m1*3*50", 3)])
def test_an_sms_that_is_killed_anywhere_does_one_thing(shop, words, ch):
    """From the wallet, or by a link where it held too little: never both."""
    for number in range(0, 200, 2):
        try:
            with killed_at_statement(shop.db, number):
                reply = text(shop, "s1", words.format(PIN))
            break
        except Killed:
            # What an impatient customer may do meanwhile; tries were counted before.
            with shop.db.write() as conn:
                pins.unlock(conn, 1, "operator:otto", NOW_S)
                fill(conn, 1_000_000, f"more{number}")
    assert number > 20
    by_link = reply.startswith("Pay 50.00 EUR")
    with shop.db.read() as conn:
        begun = phone.payments.page(conn, 10)
    assert (len(shop.sold()), len(begun)) == ((0, 1) if by_link else (1, 0))


@given(st.text(max_size=40) | st.from_regex(r"[0-9*# m,.?]{0,40}", fullmatch=True))
def test_any_text_is_a_command_or_told_how_to_write_one(words):
    try:
        command = sms.parse(words)
    except StationError as error:
        assert "\n" not in str(error)
    else:
        assert command.pin.isdigit() and command.meter and 0 <= command.ch < 100
        assert command.pin not in ("", None) and (command.amount_u is None) <= (not command.ask)


@given(st.integers(0, 10**15))
def test_amounts_are_typed_and_read_back(amount_u):
    said = spoken.amount(amount_u, "EUR")
    whole, _, rest = said.removesuffix(" E U R").partition(" point ")
    typed = f"{whole}*{rest.replace(' ', '')}#"
    if len(whole) <= 9:
        assert spoken.parse_typed_u(typed) == amount_u


def test_numbers_are_read_in_groups_of_four():
    assert spoken.groups("RF18 0000-0012") == "R F 1 8, 0 0 0 0, 0 0 1 2"
    assert spoken.amount(-12_500_000, "EUR") == "minus 12 point 5 0 E U R"
    for typed in ("", "*", "1*2*3", "1e3", "-5", "5*", "٣"):
        with pytest.raises(StationError):
            spoken.parse_typed_u(typed)
