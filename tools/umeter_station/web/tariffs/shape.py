"""The tariffs that a form can make: one price, day and night, a step; any other as a document."""

import json
import re
from dataclasses import dataclass
from typing import Any

from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.web import forms
from umeter_station.web.language import gettext as _
from umeter_station.web.tariffs import words

SHAPES = ("flat", "night", "step", "document")
_PRICES = ("tariff", "next_tariff", "price_u_per_kwh")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_TARIFF_KEYS = {"prices", "tables", "blocks_kwh", "standing_u_per_day"}


@dataclass(frozen=True)
class Typed:
    """What stands in the form's fields, as text. `price`: of a kWh; by day in `night`, below the
    step in `step`. `second`: of a kWh by night, or above the step."""

    shape: str = "flat"
    price: str = ""
    second: str = ""
    day_from: str = "07:00"
    day_to: str = "23:00"
    step_kwh: str = "100"
    standing: str = ""
    document: str = ""


def made(typed: Typed, before: dict[str, Any]) -> dict[str, Any]:
    """The document; what `before` sets beside prices stays. Raises StationError."""
    if typed.shape == "document":
        return _parsed(typed.document)
    standing_u = forms.amount_u(typed.standing or "0")
    price_u = forms.amount_u(typed.price)
    others = {key: value for key, value in before.items() if key not in _PRICES}
    if typed.shape == "flat" and not standing_u:
        return {"price_u_per_kwh": price_u, **others}
    tariff: dict[str, Any] = {"prices": [[price_u]]}
    if typed.shape == "night":
        begins, ends = _hhmm(typed.day_from), _hhmm(typed.day_to)
        if begins >= ends:
            raise StationError(_("The day begins before it ends; write it as 07:00 to 23:00."))
        night = [[0, 2]] if begins else []
        after = [[ends, 2]] if ends < 2400 else []
        tariff["prices"] = [[price_u, forms.amount_u(typed.second)]]
        tariff["tables"] = [[[*night, [begins, 1], *after]]]
    if typed.shape == "step":
        if not (typed.step_kwh.isascii() and typed.step_kwh.isdigit()):
            raise StationError(_("The step is at whole kWh a month, as 100."))
        tariff["prices"] = [[price_u], [forms.amount_u(typed.second)]]
        tariff["blocks_kwh"] = [int(typed.step_kwh)]
    if standing_u:
        tariff["standing_u_per_day"] = standing_u
    return {"tariff": tariff, **others}


def of(document: dict[str, Any]) -> Typed:
    """The fields that make this document, with those of the simplest form that can."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    found = words.of(document)
    tariff = document.get("tariff") or {}
    if "next_tariff" in document or not found.steps or set(tariff) - _TARIFF_KEYS:
        return Typed(shape="document", document=text)
    standing = format_u(found.standing_u_per_day) if found.standing_u_per_day else ""
    prices = [format_u(price_u) for step in found.steps for price_u in step.prices_u]
    common = {"price": prices[0], "standing": standing, "document": text}
    if len(prices) == 1 and not found.days:
        return Typed(shape="flat", **common)
    if len(prices) == 2 and len(found.steps) == 2 and not found.days:
        kwh = str(found.steps[0].up_to_kwh)
        return Typed(shape="step", second=prices[1], step_kwh=kwh, **common)
    days = [span for day in found.days for span in day.spans if span.rate == 1]
    if len(prices) == 2 and len(found.steps) == 1 and len(found.days) == len(days) == 1:
        hours = {"day_from": days[0].begins, "day_to": days[0].ends}
        return Typed(shape="night", second=prices[1], **hours, **common)
    return Typed(shape="document", document=text)


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise StationError(_('The document is JSON, as {"price_u_per_kwh": 300000}.'))
    return document


def _hhmm(text: str) -> int:
    found = _CLOCK.fullmatch(text.strip())
    if found is None or int(found[1]) * 100 + int(found[2]) > 2400:
        raise StationError(_("“%(text)s” is no time; write it as 07:00.") % {"text": text})
    return int(found[1]) * 100 + int(found[2])
