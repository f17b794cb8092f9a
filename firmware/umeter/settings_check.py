"""The check of a change of settings: each value by itself, then the document that would result.

A refusal is one sentence: where, what would be right there, and what is. Of settings that do not
go together, all those that the change would have set are refused. What would be right is told in
the words of settings_table, whose language is:

1..4        an integer, from .. to; a number alone is 0 .. that; $ is a million of the currency,
            N how many channels there are
0000..2359  a time of day, HHMM           |60         a number that divides 60
MMDD        a day of any year             (YYYY)MMDD  the same, or of one year
#           days of the week, as a text   a|b         one of these words
~           a POSIX time zone             {prices}    a tariff, with its prices at least
[0..4]X     a list of up to 4 of X        [2]X        a list of 2
[a,b]X;Y    a list of an X called a and a Y called b
In a list:
>X          an X, larger than the one before it
^X          an X, a list; its first is larger than that of the one before, beginning with 0
!X          an X, a list [days, from, to ..] that shares no time with any before it
"""

import json

from umeter.core import settings_table


def check(changes, changed, channels):
    """Judge {key: value} for a board of so many channels, whose document has {key: value}
    `changed` from the defaults. Returns ({key: value} to apply, {key: sentence} refused); a value
    of None takes a setting back to its default.
    """
    accepted = {}
    refused = {}
    for key in changes:
        name = key
        for ch in range(channels):
            if key.startswith("ch.%d." % (ch + 1)):
                name = key[5:]
        row = settings_table.row(name)
        try:
            if not row or key != name and row[0][0] == "/":
                right = "%s must be a setting, of the site or of a channel 1..%d"
                raise ValueError(right % (key, channels))
            kind = row[0].replace("$", "1000000000000").replace("N", str(channels))
            if changes[key] is not None:
                _judge(key, changes[key], kind.lstrip("/"))
            accepted[key] = changes[key]
        except ValueError as e:
            refused[key] = e.args[0]
    keys = accepted
    while keys:
        keys, sentence = _conflict(changed, accepted, channels)
        for key in keys:
            refused[key] = sentence
            accepted.pop(key)
    return accepted, refused


def _conflict(changed, accepted, channels):
    """(those of `accepted` that are in conflict, the sentence), of the first conflict; ((), "")
    if there is none.
    """
    changed = dict(changed)
    changed.update(accepted)
    document = settings_table.Document(changed)
    settings = settings_table.keys()
    for ch in range(channels + 1):  # 0: the site
        own = "ch.%d." % ch
        # Settings by their number, to save their names. Those of a line must not fall, as far as
        # they are set; a fourth one says by a 0 that the line does not count.
        #   pretrip_u, low_credit_2_u, low_credit_u
        #   disable_at_u, reclose_at_u
        #   disable_at_u, reclose_at_u, max_balance_u, if there is a max_balance_u
        #   disable_at_u, itself, emergency_at_u, if there is an emergency_u
        #   unit, which may go without a tariff, next_tariff
        for line in "5 4 1,2 6,2 6 13 13,2 2 3 8,21 22 23".split(","):
            names = []
            keys = []
            for number in line.split(" "):
                names.append(settings[int(number)])
            for key in accepted:
                if key.replace(own, "", 1) in names:
                    keys.append(key)
            # Without keys it was there before, by the rules of another firmware.
            if not keys or names[3:] and not document.get(names[3], ch - 1):
                continue
            low = first = None
            for name in names[:3]:
                high = document.get(name, ch - 1)
                key = (own if ch else "") + name
                if low == "kwh":
                    if changed.get(key):
                        return keys, key + ' must be null, the unit is "kwh"'
                elif low != "money" and high is not None:
                    if low is not None and low > high:
                        return keys, "%s must be at least %s, %d, not %d" % (key, first, low, high)
                    low = high
                    first = name
    size = len(json.dumps(changed, separators=(",", ":")))
    if size > 2960:  # with the version around it, the document stays below 3000
        return list(accepted), "the document must be at most 2960 bytes, not %d" % size
    return (), ""


def _judge(path, value, kind, before=()):
    """ValueError with the sentence if a value is not of its kind. path: where, as tables[0][1].
    before: what stands before it in its list.
    """
    mark = kind[0]
    right = kind
    inner = kind[1:]
    number = value if type(value) is int else -1
    good = False
    if mark in ">^!":
        _judge(path, value, inner)
        if mark == ">":
            right = "more than the one before"
            good = not before or before[-1] < value
        elif mark == "^":
            right = "in order from 0"
            good = before[-1][0] < value[0] if before else not value[0]
        else:
            right = "outside those before"
            good = True
            for row in before:
                if set(row[0]) & set(value[0]) and row[1] < value[2] and value[1] < row[2]:
                    good = False
    elif mark == "{":
        good = type(value) is dict
    elif mark == "~":
        from umeter.core import calendar

        try:
            good = calendar.zone(str(value))
        except ValueError as e:
            right = e.args[0][8:]  # without "must be"
    elif mark == "#":
        right = "days 1 (Monday)..7, 8 (special)"
        if type(value) is str:
            good = value and not value.strip("12345678") and len(set(value)) == len(value)
    elif mark == "|":
        right = "a divisor of " + inner
        good = number > 0 and int(inner) % number == 0
    elif mark in "(M":
        year = number // 10_000
        month = number // 100 % 100
        days = 30 + (month + month // 8) % 2 - (month == 2) * (2 if year % 4 else 1)
        good = (
            0 < month < 13
            and 0 < number % 100 <= days
            and (not year or mark == "(" and 2019 < year < 2054)
        )
    elif mark != "[" and "|" in kind:
        good = type(value) is str and value in kind.split("|")
    elif mark != "[":
        low, _, high = kind.rpartition("..")
        low = low or "0"
        right = low + ".." + high
        good = type(value) is int and int(low) <= value <= int(high)
        if low == "0000":
            good = good and value % 100 < 60
    else:
        size, _, inner = inner.partition("]")
        right = "a list of " + size
        kinds = [inner]
        if "," in size:
            kinds = inner.split(";")
            size = str(len(kinds))
        low, _, high = size.rpartition("..")
        good = type(value) is list and int(low or high) <= len(value) <= int(high)
    if not good:
        raise ValueError("%s must be %s, not %.40s" % (path, right, json.dumps(value)))
    if mark == "[":
        for at in range(len(value)):
            _judge("%s[%d]" % (path, at), value[at], kinds[at % len(kinds)], value[:at])
    elif mark == "{":
        path += "."
        left = dict(value)
        prices = value.get("prices", [])
        _judge(path + "prices", prices, "[1..4][1..4]99999999")
        rates = len(prices[0])
        seasons = value.get("seasons")
        tables = len(seasons) if seasons and type(seasons) is list else "tables" in value
        parts = """prices [1..4][%d]99999999
blocks_kwh [%d]>1..999999
seasons [0..4]>MMDD
tables [%d][1..3][1..14]^[time,rate]0000..2359;1..%d
standing_u_per_day ?999999999
fallback ?1..%d
from 1767225600..2650838399"""
        parts = (parts % (rates, len(prices) - 1, tables, rates, rates)).split("\n")
        if "next" not in path:
            parts.pop()
        for part in parts:
            name, kind = part.split(" ")
            if name in left or kind[0] != "?":
                _judge(path + name, left.pop(name, []), kind.lstrip("?"))
        for name in left:
            raise ValueError(path + name + " is no part of a tariff")
