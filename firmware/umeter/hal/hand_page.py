"""Makes one screen of the display. Transient.

Two rows of large letters, one over the other, each as high as two lines; beside the upper one two
short lines, below both of them up to four whole ones.
"""

from micropython import const

from umeter.core import account_status
from umeter.core.book import Book
from umeter.hal import hand_words as words
from umeter.hal.hand_words import WORDS

# Claims in the order of words.REASONS: FAULT, TAMPER, OPERATOR, CREDIT, OVERLOAD, SCHEDULE, USER
# and BOOT; and what is to be done about each.
_CLAIMS = b"\x80\x40\x04\x02\x10\x20\x08\x01"
_WAYS = (
    words.ASK,
    words.ASK,
    words.ASK,
    words.BUY,
    words.ASK,
    words.NOTHING,
    words.PRESS,
    words.NOTHING,
)
_OPERATOR = const(4)
_CREDIT = const(2)
_OVERLOAD = const(16)
_USER = const(8)
_CREDIT_MODE = const(1)  # flags of the book
_CLOSED = const(2)
_BUDGET = const(8)
_OWN = const(16)
_OUT = const(4)  # level of the book

_WIDTH = const(128)
_LARGE = const(8)  # characters
_OLD_MS = const(5000)
_START = const(-1)  # hand.shown
_CENT_U = const(10_000)
_MANY = const(9999)  # days left: nothing is used; below 0 they are not known
# Four dots become eight.
_SPREAD = b"\x00\x03\x0c\x0f\x30\x33\x3c\x3f\xc0\xc3\xcc\xcf\xf0\xf3\xfc\xff"


def run(hand, display):
    """Draw what hand.shown says into the display's frame."""
    title, upper, lower, amount, text = screen(hand)
    display.fill(0)
    _large(display, title, 0)
    display.text(upper, _WIDTH - 8 * len(upper), 1)
    display.text(lower, _WIDTH - 8 * len(lower), 9)
    if len(amount) > _LARGE:
        display.text(amount, _WIDTH - 8 * len(amount), 20)
    else:
        _large(display, "%8s" % amount, 2)
    lines = text.split("\n")
    y = 32 if len(lines) > 3 else 40  # with a gap, if there is room for one
    for line in lines:
        display.text(line, 0, y)
        y += 8
    if hand.shown == hand.selected >= 0:
        frame = display.buffer
        for at in range(16 * len(title)):
            frame[at] ^= 0xFF
            frame[at + _WIDTH] ^= 0xFF


def _large(display, text, page):
    """Text in double size, a dot below the page's edge: drawn small, then spread from its end."""
    display.text(text, 0, 8 * page)
    frame = display.buffer
    start = page * _WIDTH
    for i in range(_WIDTH // 2 - 1, -1, -1):
        dots = frame[start + i]
        at = start + 2 * i
        dots = (_SPREAD[dots >> 4] << 8 | _SPREAD[dots & 15]) << 1
        frame[at] = frame[at + 1] = dots & 0xFF
        frame[at + _WIDTH] = frame[at + _WIDTH + 1] = dots >> 8 & 0xFF


def screen(hand):
    """[large, at the right, under that, large, lines]: the texts of the present screen."""
    shown = hand.shown
    if shown == _START:
        board = hand.board
        return _notice(words.START, "\n".join((board[:16], board[16:], WORDS[words.STARTING])))
    if shown < 0:
        return _notice(words.SERVICE, WORDS[words.MAINTENANCE])
    meter = hand.meter
    if shown >= len(meter.channels):
        why = words.SAFE_MODE if meter.safe_ms > 0 else words.NO_NETWORK
        return _notice(words.OFFLINE, WORDS[why])
    channel = meter.channels[shown]
    book = Book(meter, channel)
    sample = channel.sample
    power = WORDS[words.POWER] % ((sample.power_dw + 5) // 10)
    if sample.silent_ms > _OLD_MS or not sample.fresh:
        power = WORDS[words.NO_POWER]
    settings = meter.settings
    # Only then is it worth the work of reading them.
    kwh = b"kwh" in settings.text and settings.get("unit", shown) == "kwh"
    button = words.ACT if hand.has_act else words.KEY if hand.has_key[shown] else 0
    return [
        "%d %s" % (shown + 1, WORDS[words.ON if channel.contact else words.OFF]),
        power,
        WORDS[words.KWH if kwh else words.CREDIT],
        money(channel.account.balance_u),
        "\n".join((_supplied if channel.contact else _cut)(channel, book, button)),
    ]


def _notice(title, text):
    return [WORDS[title], "", "", "", text]


def money(amount_u):
    """Micro-units as text with two decimals, or none if there is no room in large letters. Rounded
    down: what is shown is there.
    """
    cents = amount_u // _CENT_U
    sign = "-" if cents < 0 else ""
    text = "%s%d.%02d" % (sign, abs(cents) // 100, abs(cents) % 100)
    return text if len(text) <= _LARGE else str(cents // 100)


def _supplied(channel, book, button):
    level = book.level
    text = []
    days = account_status.days_left(channel, book)
    if book.flags & _CREDIT_MODE:
        text.append(WORDS[words.AFTER])
    elif channel.account.balance_u > 0 and 0 <= days < _MANY:
        text.append(WORDS[words.DAYS] % days if days > 1 else WORDS[words.LAST_DAY])
    if level:
        text.append(WORDS[words.LEVELS + level // 2])  # the second and the third are one
    if level == _OUT:
        text.append(WORDS[words.UNCUT])
    if book.emergency == 2:
        text.append(WORDS[words.LENT])
    elif book.emergency and button:
        text.append(WORDS[words.HOLD] % WORDS[button])
    return text


def _cut(channel, book, button):
    claims = channel.claims & ~channel.armed
    reason = words.SOON
    way = words.NOTHING
    if claims:
        at = 0
        while not claims & _CLAIMS[at]:
            at += 1
        reason = words.REASONS + at
        way = _WAYS[at]
        claim = _CLAIMS[at]
        if claim == _OPERATOR and book.flags & _CLOSED:
            reason = words.CLOSED
        elif claim == _USER and book.flags & (_BUDGET | _OWN) == _BUDGET:
            reason = words.BUDGET
        elif claim == _OVERLOAD and not book.locked & _OVERLOAD:
            return WORDS[reason], WORDS[words.BACK] % (channel.timer_ms // 1000)
        elif claim == _CREDIT and book.emergency == 1 and button:
            return WORDS[reason], WORDS[way], WORDS[words.HOLD] % WORDS[button]
    elif channel.claims:
        reason = words.LEVELS + book.level // 2 if book.level else words.GO_ON
        way = words.PRESS
    if way == words.PRESS:
        return WORDS[reason], WORDS[way] % WORDS[button] if button else WORDS[words.ASK]
    return WORDS[reason], WORDS[way]
