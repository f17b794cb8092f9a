"""What stands in the cells of a scenario: moments, spans, money, names."""

import json

# The firmware's constants are not to be had where it is compiled.
UNITS_PER_WH = 36_000_000  # 0.1 W x ms
EPOCH_OFFSET_S = 1_577_836_800  # 2020, in Unix seconds

NOT_CHECKED = ("at", "do", "answer", "parts", "refund", "taken", "note")

_EPOCH_DAY = 18_262  # 2020-01-01, in days since 1970
_DAY_S = 86_400
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": _DAY_S}
_CLAIMS = ("boot", "credit", "operator", "user", "overload", "schedule", "tamper", "fault")


def loads(text):
    """JSON in which digits may be grouped: 200_000."""
    plain = ""
    for i in range(len(text)):
        grouped = text[i] == "_" and text[i - 1].isdigit() and text[i + 1 : i + 2].isdigit()
        plain += "" if grouped else text[i]
    return json.loads(plain)


def span_ms(text):
    """'1h30m' in milliseconds; units d, h, m, s, ms."""
    ms = 0
    digits = ""
    text = text.replace("ms", "x")
    for char in text:
        if char.isdigit():
            digits += char
        else:
            ms += int(digits) * (1 if char == "x" else 1000 * _SECONDS[char])
            digits = ""
    if digits:
        raise ValueError("a span without its unit: " + text)
    return ms


def _day(year, month, day):
    """Days since 2020-01-01 of a date of the civil calendar."""
    year -= month <= 2
    month = month - 3 if month > 2 else month + 9
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1
    return days - 719_468 - _EPOCH_DAY


def moment(text, now):
    """Seconds since 2020 of '[Mon] [2026-03-02] 08:00[:30]'; without a date, the next such."""
    words = text.split()
    weekday = words.pop(0) if words[0] in _WEEKDAYS else None
    clock = [int(part) for part in words[-1].split(":")] + [0]
    second = clock[0] * 3600 + clock[1] * 60 + clock[2]
    if len(words) == 2:
        year, month, day = [int(part) for part in words[0].split("-")]
        when = _day(year, month, day) * _DAY_S + second
    else:
        when = now - now % _DAY_S + second
        if when < now:
            when += _DAY_S
    if weekday and _WEEKDAYS[(when // _DAY_S + 2) % 7] != weekday:  # 2020 began on a Wednesday
        raise ValueError("%s is no %s" % (text, weekday))
    return when


def wait_ms(text, true_ms, start):
    """How long from now until the moment of a cell: '+15m' or a point in time."""
    if text.startswith("+"):
        return span_ms(text[1:])
    return (moment(text, start + true_ms // 1000) - start) * 1000 - true_ms


def micro(text):
    """Money in micro-units: '-0.50' is -500_000."""
    sign = -1 if text.startswith("-") else 1
    whole, _, part = text.lstrip("+-").partition(".")
    return sign * (int(whole) * 1_000_000 + int((part + "000000")[:6]))


def money(amount_u):
    """As people write it: no less than two decimals, no more than there are."""
    digits = "%06d" % (abs(amount_u) % 1_000_000)
    while digits.endswith("0") and len(digits) > 2:
        digits = digits[:-1]
    return "%s%d.%s" % ("-" if amount_u < 0 else "", abs(amount_u) // 1_000_000, digits)


def names(bits, words=_CLAIMS):
    """'credit user' of claim bits, '-' for none."""
    return " ".join([words[i] for i in range(len(words)) if bits >> i & 1]) or "-"


def register_units(channel):
    return channel.register.wh * UNITS_PER_WH + channel.register.residual


def rate_units(channel, book):
    """What the rate registers hold, and what was drawn since they were brought up to date."""
    units = register_units(channel) - book.mark_wh * UNITS_PER_WH - book.mark_rest
    for i in range(4):
        units += book.rate_wh[i] * UNITS_PER_WH + book.rate_rest[i]
    return units


def _rates(channel, book):
    """'12/3/0/0' in whole Wh, the running rate's up to now."""
    units = [book.rate_wh[i] * UNITS_PER_WH + book.rate_rest[i] for i in range(4)]
    units[book.rate] += register_units(channel) - book.mark_wh * UNITS_PER_WH - book.mark_rest
    return "/".join([str(amount // UNITS_PER_WH) for amount in units])


_READINGS = ("rate", "days_left")
_MONEY = ("balance", "credited", "charged", "price", "debt1", "debt2", "debt3", "accumulated")
_MONEY += ("standing", "fees", "other")


def normal(word, text):
    """An expected cell as `value` would put it."""
    if word in _MONEY:
        return money(micro(text))
    if word in ("claims", "armed", "locked") and text != "-":
        bits = 0
        for name in text.split():
            bits |= 1 << _CLAIMS.index(name)
        return names(bits)
    return text


def value(word, index, reading, book, site):
    """What the meter shows in a column, as text."""
    channel = site.meter.channels[index]
    if word in _READINGS:
        return str(reading[word][index])
    if word == "contact":
        return "closed" if reading["contact"][index] else "open"
    if word in ("claims", "armed"):
        return names(reading[word][index])
    if word == "locked":
        return names(book.locked)
    if word == "wh":
        return str(reading["energy_wh"][index])
    if word == "rates":
        return _rates(channel, book)
    if word[:4] == "debt":
        return money(book.debt_u[int(word[4]) - 1])
    if word == "price":
        return money(channel.tariff.price_u_per_kwh)
    amounts = {
        "balance": reading["balance_u"][index],
        "credited": reading["credited_total_u"][index],
        "charged": reading["charged_total_u"][index],
        "accumulated": book.accumulated_u,
        "standing": book.standing_total_u,
        "fees": book.debt_total_u,
        "other": book.other_total_u,
    }
    return money(amounts[word])


def of_answer(name, answer):
    """A top-up's parts 'debt/accumulated/below/emergency/kept', a refund, what was taken."""
    if name != "parts":
        return money(answer.get(name + "_u", 0))
    fields = ("payment_debt_u", "accumulated_u", "below_u", "emergency_u", "kept_u")
    return "/".join([money(answer.get(field, 0)) for field in fields])
