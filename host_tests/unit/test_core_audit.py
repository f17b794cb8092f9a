"""The audit log: every event, in order, over boots and cuts, each chained to the one before."""

import re
import struct
from binascii import crc32
from hashlib import sha256
from pathlib import Path

from fakes_core import Flash, PowerCut
from thoroughness import every, share
from umeter.core import codes, ring_read, settings_table
from umeter.core.audit import RECORD_BYTES, Audit
from umeter.core.events import Events

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
LAST = share(3000, 1900)  # once round the ring at least
LAYOUT = "<IIHBBqq32sI"
# Numbers in the logs of meters in the field: a word keeps its place for ever, new ones come last.
NUMBERS = [
    "other", "boot", "power.cut", "power.fail", "safe.mode", "command", "settings", "clock.set",
    "contact.open", "contact.close", "credit.low", "credit.out", "credit.back", "register.reset",
    "register.jump", "register.frozen", "frontend.silent", "frontend.back", "energy.open",
    "quarantine.accepted", "quarantine.refused", "journal.failed", "journal.damaged",
    "journal.back", "log.failed", "credit.low2", "credit.pretrip", "emergency.offered",
    "emergency.taken", "emergency.cleared", "allowance.given", "allowance.expired", "budget.out",
    "tariff.fallback", "tariff.next", "limit.over", "limit.trip", "limit.locked", "limit.back",
    "load.banned", "load.locked", "contact.welded", "contact.stuck", "energy.reverse",
    "energy.unmetered", "cover.open", "cover.closed", "account.opened", "account.closed",
    "account.reset", "account.mode", "debit", "debt", "hand", "user.open", "user.close",
    "claim.released", "turn.failed", "account.forgiven", "link.forged", "frontend.reset",
    "calibrated", "relay.silent", "relay.back", "maintenance", "update.begun", "update.switched",
    "update.kept", "update.back",
]  # fmt: skip
SETTINGS = [
    "price_u_per_kwh", "low_credit_u", "disable_at_u", "emergency_at_u", "low_credit_2_u",
    "pretrip_u", "reclose_at_u", "hysteresis_u", "emergency_u", "allowance_u", "debt3_cap_u",
    "budget_u", "max_topup_u", "max_balance_u", "debt1_weekly_u", "debt2_weekly_u",
    "debt3_percent", "debt1_take", "debt2_take", "allowance_every", "reclose", "unit", "tariff",
    "next_tariff", "friendly", "slots", "protected", "limit_w", "limit_guard_s", "limit_action",
    "banned_action", "limit_restore_s", "banned_restore_s", "limit_tries", "banned_tries",
    "banned", "banned_pf", "banned_allow", "lock_on", "tz", "weekend", "special_days",
    "report_s", "commit_wh", "fault_s", "stagger_ms", "dwell_ms", "profile_min", "inlet_ch",
    "unmetered_w", "unmetered_percent",
]  # fmt: skip


def open_events(flash, boot=1, sectors=17):
    events = Events(audit=Audit(flash, 0, sectors))
    events.resume(1, boot)
    return events


def stored(events):
    """All records as (n, when, boot, ch, code, a, b), their chain and checksums checked."""
    ring = events.audit.ring
    records, _ = ring_read.copy(ring, ring_read.oldest(ring), 1 << 20)
    found = []
    link = None
    for at in range(0, len(records), RECORD_BYTES):
        raw = bytes(records[at : at + RECORD_BYTES])
        *fields, before, crc = struct.unpack(LAYOUT, raw)
        assert crc == crc32(raw[:-4])
        assert before == (bytes(32) if fields[0] == 1 else link or before)
        link = sha256(raw).digest()
        found.append(tuple(fields))
    return found


def test_a_record_is_laid_out_as_told():
    events = open_events(Flash(17), boot=65_538)
    events.put(200_000_000, "contact.open", 3, -2, 1 << 62)
    assert stored(events) == [
        (1, 200_000_000, 2, 3, codes.CODES.index("contact.open"), -2, 1 << 62)
    ]


def test_the_chain_goes_on_over_boots():
    flash = Flash(17)
    for boot in range(1, 6):
        events = open_events(flash, boot)
        for i in range(boot):
            events.put(0, "boot", 0, boot, i)
    held = stored(open_events(flash))
    assert [record[0] for record in held] == list(range(1, 16))
    assert [record[2] for record in held] == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5]


def test_a_thousand_are_kept_at_least():
    events = open_events(Flash(17))
    for n in range(1, LAST):
        events.put(n, "command", 1, n)
        events.audit.ring.prepare()
        if n > 1100:
            assert n - ring_read.oldest(events.audit.ring) + 1 >= 1000
    held = stored(events)
    assert [record[0] for record in held] == list(range(held[0][0], LAST))


def test_a_cut_at_any_byte_breaks_neither_chain_nor_numbers():
    flash = Flash(2, 256)
    open_events(flash, sectors=2).put(0, "boot")
    number = 1
    for budget in range(0, 3 * RECORD_BYTES, every(3)):
        flash.budget = budget
        events = open_events(flash, sectors=2)
        try:
            for _ in range(4):
                events.put(0, "command")
                number += 1
        except PowerCut:
            pass
        flash.budget = None
        held = stored(open_events(flash, sectors=2))
        assert number <= held[-1][0] <= number + 1
        assert [record[0] for record in held] == list(range(held[0][0], held[-1][0] + 1))
        number = held[-1][0]


def test_without_its_log_the_numbers_go_on_behind_the_reserved():
    events = open_events(Flash(17))
    events.resume(900, 2)
    assert events.next_n == 900 and events.to_reserve()
    events.put(0, "boot")
    assert [record[0] for record in stored(events)] == [900]


def test_a_flash_that_fails_is_told_once_and_the_meter_goes_on():
    flash = Flash(17)
    events = open_events(flash)
    events.put(0, "boot")
    flash.stuck = range(flash.size)
    for _ in range(5):
        events.put(0, "command")
    told = [event[:3] for event in events._ring]
    assert [n for n, _, _ in told] == list(range(1, 8))
    assert [code for _, _, code in told].count("log.failed") == 1
    flash.stuck = ()
    events.put(0, "command")
    assert [record[0] for record in stored(events)] == [1, 8]


def test_every_word_of_the_firmware_has_its_number():
    words = set()
    for path in (FIRMWARE / "umeter").rglob("*.py"):
        words |= set(
            re.findall(r'(?:\.event|events\.put)\(\s*(?:[\w.]+,\s*)?"([a-z.]+)"', path.read_text())
        )
        words |= set(re.findall(r'"([a-z]+\.[a-z]+)" if .* else "[a-z.]+"', path.read_text()))
    from umeter.core.channel import NEWS

    words = {word for word in words if word[-1] != "."}  # not those put together
    words |= set(NEWS) - {""} | {"set." + key for key in SETTINGS}
    words |= {"quarantine.accepted", "quarantine.refused"}
    assert {word for word in words if not codes.number(word)} == set()
    assert len(words) > 20


def test_numbers_never_change():
    assert codes.CODES == NUMBERS and len(set(NUMBERS)) == len(NUMBERS) < 128
    assert [codes.number(word) for word in NUMBERS] == list(range(len(NUMBERS)))
    assert codes.number("no.such") == 0
    assert settings_table.keys() == SETTINGS and len(set(SETTINGS)) == len(SETTINGS) < 128
    numbers = [codes.number("set." + key) for key in SETTINGS]
    assert numbers == list(range(128, 128 + len(SETTINGS)))
