"""The fixed-size records that meters keep in their flash rings, decoded.

The source of truth is the firmware: core/audit.py (audit log), core/codes.py (its events' words)
and core/profile.py (load profile); a test holds the two together. Both kinds are little-endian,
begin with their number and end with the CRC-32 of all that is before it.
"""

import hashlib
import struct
from dataclasses import dataclass
from zlib import crc32

EPOCH_OFFSET_S = 1_577_836_800  # 2020-01-01T00:00:00Z in Unix seconds: the meter's time 0
INTERVAL_CHANNELS = 8

# n, when, boot, ch, code, a, b, SHA-256 of the record before, CRC-32
_AUDIT = struct.Struct("<IIHBBqq32sI")
# n, end, minutes, flags, quarantined, estimated, Wh of eight channels, CRC-32
_INTERVAL = struct.Struct("<IIBBBB8HI")
AUDIT_BYTES = _AUDIT.size
INTERVAL_BYTES = _INTERVAL.size

CLOCK_NOT_TRUSTED = 1
POWER_CUT_INSIDE = 2


@dataclass(frozen=True)
class AuditRecord:
    """One event. `t` Unix seconds, 0 if the clock was not trusted; `ch` 0 is the board;
    `previous` the SHA-256 of the record before."""

    n: int
    t: int
    boot: int
    ch: int
    code_number: int
    a: int
    b: int
    previous: bytes

    @property
    def code(self) -> str:
        """The event's word; one that only a newer meter knows is given by its number."""
        if self.code_number < len(EVENT_CODES):
            return EVENT_CODES[self.code_number]
        setting = self.code_number - SETTINGS_FROM
        known = 0 <= setting < len(SETTINGS)
        return f"set.{SETTINGS[setting]}" if known else f"code.{self.code_number}"


@dataclass(frozen=True)
class Interval:
    """Energy of one interval. `t_end` Unix seconds, 0 if the clock was not trusted; `quarantined`
    and `estimated` have bit 0 for channel 1; `wh` of channels 1 to 8."""

    n: int
    t_end: int
    minutes: int
    flags: int
    quarantined: int
    estimated: int
    wh: tuple[int, ...]


def audit_record(raw: bytes) -> AuditRecord:
    """Raises ValueError if the record's length or checksum is wrong."""
    n, when, boot, ch, code, a, b, previous, _crc = _unpack(_AUDIT, raw)
    return AuditRecord(n, _unix_or_0(when), boot, ch, code, a, b, previous)


def interval(raw: bytes) -> Interval:
    """Raises ValueError if the record's length or checksum is wrong."""
    n, when, minutes, flags, quarantined, estimated, *wh, _crc = _unpack(_INTERVAL, raw)
    return Interval(n, _unix_or_0(when), minutes, flags, quarantined, estimated, tuple(wh))


def chain_hash(raw: bytes) -> bytes:
    """What the record after this one must carry as `previous`."""
    return hashlib.sha256(raw).digest()


def _unpack(layout: struct.Struct, raw: bytes) -> tuple:
    if len(raw) != layout.size:
        raise ValueError(f"a record has {len(raw)} bytes, not {layout.size}")
    values = layout.unpack(raw)
    if values[-1] != crc32(raw[:-4]):
        raise ValueError(f"record {values[0]} has a wrong checksum")
    return values


def _unix_or_0(when: int) -> int:
    return when + EPOCH_OFFSET_S if when else 0


# By the byte that stands for it: the firmware's tables, which are only ever added to.
EVENT_CODES = (
    "other",
    "boot",
    "power.cut",
    "power.fail",
    "safe.mode",
    "command",
    "settings",
    "clock.set",
    "contact.open",
    "contact.close",
    "credit.low",
    "credit.out",
    "credit.back",
    "register.reset",
    "register.jump",
    "register.frozen",
    "frontend.silent",
    "frontend.back",
    "energy.open",
    "quarantine.accepted",
    "quarantine.refused",
    "journal.failed",
    "journal.damaged",
    "journal.back",
    "log.failed",
    "credit.low2",
    "credit.pretrip",
    "emergency.offered",
    "emergency.taken",
    "emergency.cleared",
    "allowance.given",
    "allowance.expired",
    "budget.out",
    "tariff.fallback",
    "tariff.next",
    "limit.over",
    "limit.trip",
    "limit.locked",
    "limit.back",
    "load.banned",
    "load.locked",
    "contact.welded",
    "contact.stuck",
    "energy.reverse",
    "energy.unmetered",
    "cover.open",
    "cover.closed",
    "account.opened",
    "account.closed",
    "account.reset",
    "account.mode",
    "debit",
    "debt",
    "hand",
    "user.open",
    "user.close",
    "claim.released",
    "turn.failed",
    "account.forgiven",
    "link.forged",
    "frontend.reset",
    "calibrated",
    "relay.silent",
    "relay.back",
    "maintenance",
    "update.begun",
    "update.switched",
    "update.kept",
    "update.back",
)
SETTINGS_FROM = 128
SETTINGS = (
    "price_u_per_kwh",
    "low_credit_u",
    "disable_at_u",
    "emergency_at_u",
    "low_credit_2_u",
    "pretrip_u",
    "reclose_at_u",
    "hysteresis_u",
    "emergency_u",
    "allowance_u",
    "debt3_cap_u",
    "budget_u",
    "max_topup_u",
    "max_balance_u",
    "debt1_weekly_u",
    "debt2_weekly_u",
    "debt3_percent",
    "debt1_take",
    "debt2_take",
    "allowance_every",
    "reclose",
    "unit",
    "tariff",
    "next_tariff",
    "friendly",
    "slots",
    "protected",
    "limit_w",
    "limit_guard_s",
    "limit_action",
    "banned_action",
    "limit_restore_s",
    "banned_restore_s",
    "limit_tries",
    "banned_tries",
    "banned",
    "banned_pf",
    "banned_allow",
    "lock_on",
    "tz",
    "weekend",
    "special_days",
    "report_s",
    "commit_wh",
    "fault_s",
    "stagger_ms",
    "dwell_ms",
    "profile_min",
    "inlet_ch",
    "unmetered_w",
    "unmetered_percent",
)
