"""What the column `do` of a scenario can say. Orders go the whole way of a station's order."""

import scenario_cells as cells


def act(site, words):
    """Do one thing. The answer if it was an order, else None. ValueError for what is unknown."""
    ch = 1
    if words[-2:-1] == "@":  # 'credit 5.00 @2': channel 2
        ch = int(words[-1])
        words = words[:-2].strip()
    verb, _, rest = words.partition(" ")
    if verb in _PHYSICAL:
        return _PHYSICAL[verb](site, ch, rest)
    if verb == "set":
        key, _, value = rest.partition(" ")
        version = site.meter.settings.version + 1
        return site.order("set", {"version": version, "set": {key: cells.loads(value)}})
    if verb not in _FIELDS:
        raise ValueError("no such action: " + words)
    fields = _FIELDS[verb](rest.split())
    fields["ch"] = ch
    return site.order(verb, fields)


def _amount(args):
    """'5.00', '5.00 account 17'."""
    fields = {"amount_u": cells.micro(args[0])}
    if args[1:]:
        fields["account"] = int(args[2])
    return fields


def _account(args):
    """'open 17', 'close', 'reset', 'credit', 'prepaid', 'prepaid lend 3.00'."""
    fields = {"action": args[0]}
    if args[1:2] == ["lend"]:
        fields["lend_u"] = cells.micro(args[2])
    elif args[1:]:
        fields["account"] = int(args[1])
    return fields


_FIELDS = {
    "credit": _amount,
    "debit": _amount,
    "emergency": lambda args: {},
    "restore": lambda args: {},
    "user": lambda args: {"state": args[0]},
    "supply": lambda args: {"state": args[0]},
    "release": lambda args: {"claim": args[0]},
    "debt": lambda args: {"debt": int(args[0]), "add_u": cells.micro(args[1])},
    "account": _account,
    "status": lambda args: {},
}


def _power(site, ch, rest):
    """'off 2h': nothing is drawn; afterwards the board boots. 'off 2h clock lost': not knowing
    the time.
    """
    words = rest.split()
    site.true_ms += cells.span_ms(words[1])
    if words[2:] == ["clock", "lost"]:
        site.error_s = None
    site.boot()


def _clock(site, ch, rest):
    """'lost', 'true', '+1h', '-90s': how far from the true time an order sets it."""
    if rest == "lost":
        site.error_s = None
        return None
    error_s = 0
    if rest != "true":
        error_s = cells.span_ms(rest[1:]) // 1000 * (-1 if rest[0] == "-" else 1)
    t = site.true_when + error_s + cells.EPOCH_OFFSET_S
    return site.order("time", {"t": t, "boot": site.meter.boot})


def _hand(site, ch, rest):
    site.meter.hand(ch - 1, rest == "long")


def _cover(site, ch, rest):
    site.meter.cover(rest == "open")


def _fault(site, ch, rest):
    """'weld', 'weld stuck', 'none'."""
    site.loads[ch - 1].faults = () if rest == "none" else tuple(rest.split())


_PHYSICAL = {
    "power": _power,
    "clock": _clock,
    "hand": _hand,
    "cover": _cover,
    "fault": _fault,
}
