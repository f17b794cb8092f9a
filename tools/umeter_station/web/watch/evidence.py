"""What a rule saw, in words: each number with its name and unit.

The unit of a number is in the end of its key, as everywhere; what has none is a count.
"""

from collections.abc import Callable
from typing import Any

from umeter_station.watch.wording import evidence_text
from umeter_station.web import language
from umeter_station.web.language import Language
from umeter_station.web.language import gettext as _
from umeter_station.words import state_names


def _n(text: str) -> str:
    """Marks a text that is translated when it is written."""
    return text


Fact = tuple[str, str]  # name and value

_NAMES = {
    "missed": _n("readings missed"),
    "of": _n("of so many due"),
    "report_s": _n("a report is due every"),
    "first_n": _n("first missing record"),
    "last_n": _n("last missing record"),
    "silent_s": _n("silent for"),
    "silent": _n("meters silent"),
    "meters": _n("meters of the site"),
    "presence": _n("last said of itself"),
    "until_s": _n("heard again"),
    "off_s": _n("clock off by"),
    "moved_s": _n("clock moved by"),
    "clock": _n("clock"),
    "boot": _n("boot that spoke"),
    "newest_boot": _n("newest boot"),
    "times": _n("times"),
    "seq": _n("number of the reading"),
    "readings": _n("readings"),
    "messages": _n("messages"),
    "repeated": _n("of them repeated"),
    "due": _n("were due"),
    "span_s": _n("within"),
    "between_s": _n("between two readings"),
    "lost_wh": _n("not accounted for"),
    "inlet_wh": _n("went into the house"),
    "intervals": _n("intervals looked at"),
    "mean_w": _n("mean power not metered"),
    "percent": _n("share of the inlet, %"),
    "share_ppm": _n("share of it that is not metered"),
    "error_ppm": _n("give or take"),
    "power_w": _n("power"),
    "power_dw": _n("power"),
    "apparent_dva": _n("apparent power, 0.1 VA"),
    "least_power_dw": _n("least power meanwhile"),
    "back_wh": _n("flowed back"),
    "moved_wh": _n("moved the register by"),
    "current_ma": _n("current"),
    "voltage_dv": _n("voltage"),
    "others_dv": _n("voltage of the other channels"),
    "nominal_dv": _n("voltage that it should be"),
    "energy_wh": _n("register"),
    "before_wh": _n("before"),
    "after_wh": _n("after"),
    "most_wh": _n("possible at most"),
    "held_wh": _n("held back by the meter"),
    "days": _n("days looked at"),
    "usual_wh_a_day": _n("usual on a day"),
    "wh": _n("used"),
    "usual_wh": _n("usual"),
    "third_wh": _n("third highest of the day"),
    "intervals_wh": _n("sum of the intervals"),
    "register_least_wh": _n("the register says at least"),
    "register_most_wh": _n("and at most"),
    "ledger_credited_u": _n("credited by the books"),
    "meter_credited_u": _n("credited by the meter"),
    "in_transit_u": _n("on its way"),
    "told_u": _n("told of by the meter"),
    "balance_u": _n("balance"),
    "amount_u": _n("amount"),
    "state": _n("account"),
    "event": _n("the meter's own event"),
    "order": _n("order"),
    "orders": _n("orders"),
    "ops": _n("kinds of orders"),
    "count": _n("how many"),
    "settings": _n("settings"),
    "states": _n("their states"),
    "resets": _n("resets"),
    "age_s": _n("front end silent for"),
    "closings": _n("times closed"),
    "moves": _n("movements so far"),
    "rated": _n("movements it is made for"),
    "report": _n("reconciliation report"),
    "found": _n("what differs"),
    "what": _n("what"),
    "why": _n("why"),
    "bank": _n("bank"),
    "currency": _n("currency"),
    "payment": _n("payment"),
    "direction": _n("direction"),
}
# Numbers of the statistics behind a verdict: they explain nothing to people.
_LEFT_OUT = frozenset(("height_deci_sigma", "sigma_mwh", "z_deci", "a", "b"))
_MOMENTS = frozenset(("until_s",))

_UNITS: dict[str, Callable[[Language, int], str]] = {
    "_wh": lambda lang, value: lang.kwh(value, 3),
    "_wh_a_day": lambda lang, value: lang.kwh(value, 3),
    "_dw": lambda lang, value: lang.watts(value),
    "_w": lambda lang, value: lang.watts(10 * value),
    "_dv": lambda lang, value: lang.decimal(value, 1, 1) + " V",
    "_ma": lambda lang, value: lang.decimal(value, 3, 3) + " A",
    "_u": lambda lang, value: lang.money(value),
    "_s": lambda lang, value: lang.lasting(value),
    "_ppm": lambda lang, value: lang.decimal(value, 4, 1) + " %",
}


def facts(evidence: dict[str, Any]) -> list[Fact]:
    """In the reader's language; what this station has no name for stays as it is."""
    return [
        (_(_NAMES[key]) if key in _NAMES else key, _value(key, value))
        for key, value in evidence.items()
        if key not in _LEFT_OUT and value is not None
    ]


def _value(key: str, value: Any) -> str:
    lang = language.current()
    if isinstance(value, list):
        return "; ".join(_item(each) for each in value[:8])
    if type(value) is not int:
        return _(str(value)) if value else ""
    if key in _MOMENTS:
        return lang.when(value)
    if key == "clock":
        return _("not set") if not value else _("set")
    if key == "state":
        return ", ".join(_(name) for name in state_names(value)) or _("in credit")
    name = "_wh" if key == "wh" else key
    unit = next((write for end, write in _UNITS.items() if name.endswith(end)), None)
    return unit(lang, value) if unit else lang.number(value)


def _item(value: Any) -> str:
    return evidence_text(value) if isinstance(value, dict) else str(value)
