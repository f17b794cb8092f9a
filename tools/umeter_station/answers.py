"""An order's fate as one sentence for the person who gave it."""

from umeter_station.amounts import format_u
from umeter_station.answers_account import SENTENCES
from umeter_station.desk.quotes import Quote
from umeter_station.orders import Command
from umeter_station.twin import OUTDATED
from umeter_station.vending import HELD_CODES
from umeter_station.words import claim_names


def sentence(command: Command, quote: Quote | None = None) -> str:
    """What became of the order, whatever its state. `quote`: of the sale that it is about."""
    if command.is_open:
        return _open(command)
    if command.state == "expired" and command.code is None:
        return f"{command.meter} did not answer in time; nothing more is sent to it, ask again."
    if command.state == "unclear" and command.code == "applied":
        return (
            f"{command.meter} has carried out order {command.n}, but its answer was lost;"
            " how much it moved is known as soon as its audit log is here."
        )
    if command.state == "unclear":
        return (
            f"{command.meter} cannot say what became of order {command.n} ({command.code});"
            " compare its totals with the ledger before anything else is done."
        )
    if command.state in ("refused", "expired"):
        return _refused(command, quote)
    return _applied(command)


def _open(command: Command) -> str:
    what = "will be credited" if command.op == "credit" else "will be told"
    return f"{command.meter} has not answered yet; it {what} as soon as it can be reached."


def _refused(command: Command, quote: Quote | None) -> str:
    reason = (command.result or {}).get("reason")
    why = f"{command.code}: {reason}" if isinstance(reason, str) and reason else command.code
    if command.code == OUTDATED:
        return (
            f"{command.meter} has newer settings ({why}); what is still wanted of these is seen"
            f" with `umeter-station settings {command.meter}`."
        )
    text = f"{command.meter} refused ({why})"
    if command.op == "credit":
        amount = format_u(command.args["amount_u"])
        if command.code in HELD_CODES:
            return f"{text}; its {amount} is held, to be sent again or refunded."
        paid = amount if quote is None else quote.paid_text()
        return f"{text}; {paid} is due back to the customer."
    return f"{text}; nothing was changed."


def _applied(command: Command) -> str:
    result, args = command.result or {}, command.args
    if command.op in SENTENCES:
        return SENTENCES[command.op](command, result)
    if command.op == "supply":
        return _supplied(command, result)
    if command.op == "quarantine":
        fate = "booked" if args["action"] == "accept" else "given up"
        wh = result.get("wh")
        what = f"The {wh} Wh that" if type(wh) is int else "What"
        return f"{what} {command.meter} held back of channel {args['ch']}: {fate}."
    if command.op == "set":
        return _set(command, result)
    if command.op == "key":
        return f"{command.meter} has taken its new key."
    if command.op == "time":
        return f"{command.meter} has set its clock."
    if command.op == "history":
        return f"{command.meter} has sent what its log holds."
    if command.op in ("update", "chunk"):
        return f"{command.meter} has done its part of an update."
    if command.op == "calibrate":
        return f"{command.meter} has calibrated channel {args['ch']}."
    if command.op == "maintenance":
        return (
            f"{command.meter} has opened all its contacts, for {args['minutes']} minutes or until"
            " it is restarted."
        )
    if command.op == "link":
        return f"{command.meter} has answered, but its answer was lost; ask it again."
    if "reading" not in result:
        return f"{command.meter} has answered, but its answer was lost; this reading is older."
    return f"{command.meter} has answered."


def _supplied(command: Command, result: dict) -> str:
    channel = f"{command.meter} channel {command.args['ch']}"
    if command.args["state"] == "open":
        return f"{channel} is held open by the operator."
    claims = result.get("claims")
    others = claim_names(claims) if type(claims) is int and claims > 0 else []
    if others:
        return f"{channel} is released by the operator, but held open by {', '.join(others)}."
    return f"{channel} is released by the operator."


def _set(command: Command, result: dict) -> str:
    keys = result.get("keys")
    keys = keys if isinstance(keys, dict) else {}
    refused = [f"{key} ({fate})" for key, fate in keys.items() if fate != "applied"]
    applied = [key for key in command.args["set"] if keys.get(key, "applied") == "applied"]
    if not refused:
        return f"{command.meter} has set {', '.join(applied)}."
    text = f"{command.meter} has set {', '.join(applied)}" if applied else command.meter
    return f"{text}{' and' if applied else ' has'} refused {', '.join(refused)}."
