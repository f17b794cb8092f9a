"""What the station wants and the meter does not do: A15 credit, A20 settings, A23 orders."""

from umeter_station.watch.window import Sighting, Window

_MONEY_OPS = ("credit", "debit", "debt", "account")


def credit(window: Window) -> list[Sighting]:
    """A15: the meter's totals are not the ledger's, whatever is on its way."""
    return [
        Sighting(
            money.ch,
            window.now_s,
            {
                "ledger_credited_u": money.credited_u,
                "meter_credited_u": money.credited_total_u,
                "in_transit_u": money.in_transit_u,
                "told_u": money.told_u,
            },
        )
        for money in window.money
        if not money.agrees
    ]


def twin(window: Window) -> list[Sighting]:
    """A20: settings that the meter refused, or that are not as desired for a day."""
    late = [
        setting
        for setting in window.differences
        if setting.state == "refused" or window.now_s - setting.since_s > window.limit("twin_s")
    ]
    if not late:
        return []
    evidence = {
        "settings": [setting.key for setting in late[:8]],
        "states": sorted({setting.state for setting in late}),
        "count": len(late),
    }
    return [Sighting(0, min(setting.since_s for setting in late), evidence)]


def unconfirmed(window: Window) -> list[Sighting]:
    """A23: the meter has spoken since, but not of this order; or nobody knows what it did."""
    most_s = window.limit("unconfirmed_s")
    late = [
        order
        for order in window.orders
        if order.state == "unclear"
        or (
            order.op != "history"
            and order.state == "sent"
            and window.now_s - order.created_s > most_s
            and window.seen_s - order.created_s > most_s
        )
    ]
    if not late:
        return []
    money = any(order.op in _MONEY_OPS for order in late)
    evidence = {
        "orders": [order.id for order in late[:8]],
        "ops": sorted({order.op for order in late}),
        "count": len(late),
    }
    since_s = min(order.created_s for order in late)
    return [Sighting(0, since_s, evidence, "alarm" if money else None)]
