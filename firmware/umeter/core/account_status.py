"""What there is to tell of an account. Transient."""

from micropython import const

# Flags of the book, and the bits of the state that tell them.
_FLAGS = const(((4, 32), (1, 128), (2, 256)))


def status(meter, doc, channel, book):
    """The book's own names and numbers (book.py), and what follows from them."""
    told = {"state": state_bits(doc, channel, book), "days_left": days_left(channel, book)}
    for name in book.__dict__:
        if name[0] != "_":
            told[name] = getattr(book, name)
    return told


def state_bits(doc, channel, book):
    """1 low, 2 low on the second level, 4 emergency credit offered, 8 in use, 16 out, 32 friendly
    hours, 64 protected, 128 credit mode, 256 closed, 512 locked.
    """
    index = channel.index
    level = book.level
    bits = book.emergency * 4
    if level:
        bits |= 1
    if level > 1 and doc.get("low_credit_2_u", index) is not None:
        bits |= 2
    if level == 4:
        bits |= 16
    if doc.get("protected", index):
        bits |= 64
    for flag, bit in _FLAGS:
        if book.flags & flag:
            bits |= bit
    return bits | 512 if book.locked else bits


def days_left(channel, book):
    """Balance by the mean use of the last days: -1 not known yet, 9999 nothing is used."""
    balance_u = channel.account.balance_u
    days = [day for day in book.days_milli if day >= 0]
    if balance_u <= 0:
        return 0
    if not days:
        return -1
    used_u = sum(days) * 1000
    return min(9999, balance_u * len(days) // used_u) if used_u else 9999
