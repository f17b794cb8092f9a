"""A Z-report on paper."""

from typing import Any

from umeter_station.desk.paper import Lines, Paper
from umeter_station.desk.writing import Writing


def make(report: dict[str, Any], writing: Writing) -> Paper:
    """Of a closed shift, always the same. Amounts are to the nearest coin, which is what a drawer
    holds."""
    out, say, coins = Lines(), writing.say, writing.share
    out.pair(say("Desk"), report["register"])
    out.pair(say("Shift"), str(report["shift"]))
    out.pair(say("Cashier"), report["cashier"].partition(":")[2] or report["cashier"])
    out.pair(say("Opened"), writing.time(report["opened_at"]))
    out.pair(say("Closed"), writing.time(report["closed_at"]))
    out.rule()
    out.pair(say("Sales (%(number)s)") % {"number": report["sales"]}, coins(report["paid_u"]))
    out.pair("  " + say("of it fees"), coins(report["fee_u"]))
    out.pair("  " + say("of it tax"), coins(report["tax_u"]))
    out.pair("  " + say("of it credit"), coins(report["credit_u"]))
    out.pair(say("Voids (%(number)s)") % {"number": report["voids"]}, coins(-report["voided_u"]))
    out.pair(
        say("Refunds (%(number)s)") % {"number": report["payouts"]}, coins(-report["paid_out_u"])
    )
    if report["first_receipt"] is not None:
        out.pair(say("Sales' receipts"), f"{report['first_receipt']} - {report['last_receipt']}")
    out.rule()
    out.pair(say("Float"), coins(report["float_u"]))
    out.pair(say("Sold for cash"), coins(report["cash_sales_u"]))
    out.pair(say("Voided"), coins(-report["voided_u"]))
    out.pair(say("Paid out"), coins(-report["paid_out_u"]))
    out.pair(say("From agents"), coins(report["agents_u"]))
    out.pair(say("Brought"), coins(report["brought_u"]))
    out.pair(say("Taken"), coins(-report["taken_u"]))
    out.big(say("Expected"), writing.named(coins(report["expected_u"])))
    out.big(say("Counted"), writing.named(coins(report["counted_u"])))
    over_u = report["over_u"]
    out.big(say("Over") if over_u >= 0 else say("Short"), writing.named(coins(abs(over_u))))
    told = {"number": f"{report['register']}-{report['z_no']}"}
    return Paper(
        title=say("Z-report %(number)s") % told, lines=tuple(out.found), lang=writing.lang
    )
