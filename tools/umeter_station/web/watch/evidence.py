"""What a rule saw, in words: each number with its name and unit.

The unit of a number is in the end of its key, as everywhere; what has none is a count.
"""

from collections.abc import Callable
from typing import Any

from umeter_station.web import language, sentences
from umeter_station.web.language import Language
from umeter_station.web.language import gettext as _
from umeter_station.web.watch import event_words
from umeter_station.words import state_names


def say(text: str) -> str:
    """Marks a text that is translated when it is written."""
    return text


Fact = tuple[str, str]  # name and value

_NAMES = {
    "missed": say("readings missed"),
    "of": say("of so many due"),
    "report_s": say("a report is due every"),
    "first_n": say("first missing record"),
    "last_n": say("last missing record"),
    "silent_s": say("silent for"),
    "silent": say("meters silent"),
    "meters": say("meters of the site"),
    "presence": say("last said of itself"),
    "until_s": say("heard again"),
    "off_s": say("clock off by"),
    "moved_s": say("clock moved by"),
    "clock": say("clock"),
    "boot": say("boot that spoke"),
    "newest_boot": say("newest boot"),
    "times": say("times"),
    "seq": say("number of the reading"),
    "readings": say("readings"),
    "messages": say("messages"),
    "repeated": say("of them repeated"),
    "due": say("were due"),
    "span_s": say("within"),
    "between_s": say("between two readings"),
    "lost_wh": say("not accounted for"),
    "inlet_wh": say("went into the house"),
    "intervals": say("intervals looked at"),
    "mean_w": say("mean power not metered"),
    "percent": say("percent of what went into the house"),
    "share_ppm": say("share of it that is not metered"),
    "error_ppm": say("give or take"),
    "power_w": say("power"),
    "power_dw": say("power"),
    "apparent_dva": say("apparent power, 0.1 VA"),
    "least_power_dw": say("least power meanwhile"),
    "back_wh": say("flowed back"),
    "moved_wh": say("moved the register by"),
    "current_ma": say("current"),
    "voltage_dv": say("voltage"),
    "others_dv": say("voltage of the other channels"),
    "nominal_dv": say("voltage that it should be"),
    "energy_wh": say("register"),
    "before_wh": say("before"),
    "after_wh": say("after"),
    "most_wh": say("possible at most"),
    "held_wh": say("held back by the meter"),
    "days": say("days looked at"),
    "usual_wh_a_day": say("usual on a day"),
    "wh": say("used"),
    "usual_wh": say("usual"),
    "third_wh": say("third highest of the day"),
    "intervals_wh": say("sum of the intervals"),
    "register_least_wh": say("the register says at least"),
    "register_most_wh": say("and at most"),
    "ledger_credited_u": say("credited by the books"),
    "meter_credited_u": say("credited by the meter"),
    "in_transit_u": say("on its way"),
    "told_u": say("told of by the meter"),
    "balance_u": say("balance"),
    "amount_u": say("amount"),
    "state": say("account"),
    "event": say("the meter's own event"),
    "order": say("order"),
    "orders": say("orders"),
    "ops": say("kinds of orders"),
    "count": say("how many"),
    "settings": say("settings"),
    "states": say("their states"),
    "resets": say("resets"),
    "age_s": say("front end silent for"),
    "closings": say("times closed"),
    "moves": say("movements so far"),
    "rated": say("movements it is made for"),
    "report": say("reconciliation report"),
    "found": say("what differs"),
    "what": say("what"),
    "why": say("why"),
    "bank": say("bank"),
    "currency": say("currency"),
    "payment": say("payment"),
    "direction": say("direction"),
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
    if key == "event":
        return event_words.title(value)
    if type(value) is not int:
        return sentences.say(str(value)) if value else ""
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
    """One of several things that were found: what it is, then its numbers."""
    if not isinstance(value, dict):
        return sentences.say(str(value))
    numbers = {key: each for key, each in value.items() if key != "what"}
    told = ", ".join(f"{name} {text}" for name, text in facts(numbers))
    if "what" not in value:
        return told
    return sentences.say(str(value["what"])) + (f" ({told})" if told else "")
