"""The words of the display: another language is another file like this one.

Large words have at most 8 characters. Others have lines of at most 16, as many as are here.
"""

from micropython import const

START = const(0)
SERVICE = const(1)
OFFLINE = const(2)
ON = const(3)
OFF = const(4)
POWER = const(5)
NO_POWER = const(6)
CREDIT = const(7)
KWH = const(8)
STARTING = const(9)
MAINTENANCE = const(10)
SAFE_MODE = const(11)
NO_NETWORK = const(12)
LAST_DAY = const(13)
DAYS = const(14)
AFTER = const(15)
LEVELS = const(16)
UNCUT = const(19)
LENT = const(20)
REASONS = const(21)
CLOSED = const(29)
BUDGET = const(30)
SOON = const(31)
GO_ON = const(32)
NOTHING = const(33)
BUY = const(34)
ASK = const(35)
BACK = const(36)
PRESS = const(37)
HOLD = const(38)
ACT = const(39)
KEY = const(40)

# By these numbers.
WORDS = (
    # Large.
    "umeter",
    "service",
    "offline",
    "on",
    "OFF",
    # At the right of the first two lines, at most 6 characters.
    "%dW",
    "? W",
    "credit",
    "kWh",
    # The lower half, with no user.
    "starting",
    "maintenance,\nsupply is off,\nplease wait",
    "network is off\n(safe mode),\nmetering and\ncredit go on",
    "no network:\npurchases come\nwhen it is back",
    # Supplied.
    "less than 2 days",
    "%d days left",
    "you pay later",
    "credit low",
    "credit very low",
    "credit used up",
    "not cut for now",
    "emergency credit\nin use",
    # Not supplied: why, the hardest to mend first.
    "fault of the\nmeter",
    "tamper alarm",
    "switched off by\nthe operator",
    "credit used up",
    "overload",
    "off by schedule",
    "switched off by\nyou",
    "starting",
    # Other reasons.
    "no account here",
    "today's budget\nis used up",
    "back in a moment",
    "supply is ready",
    # The way out. The last two are the buttons that are pressed and held.
    "",
    "buy credit",
    "ask the operator",
    "back in %d s",
    "press %s",
    "hold %s 3 s for\nemergency credit",
    "ACT",
    "key",
)
