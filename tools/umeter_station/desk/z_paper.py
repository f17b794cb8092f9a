"""A Z-report on paper."""

from typing import Any

from umeter_station.amounts import format_u
from umeter_station.desk.paper import Lines, Paper
from umeter_station.words import time_text


def make(report: dict[str, Any]) -> Paper:
    """Of a closed shift, always the same."""
    out = Lines()
    out.pair("Desk", report["register"])
    out.pair("Shift", str(report["shift"]))
    out.pair("Cashier", report["cashier"].partition(":")[2] or report["cashier"])
    out.pair("Opened", time_text(report["opened_at"]))
    out.pair("Closed", time_text(report["closed_at"]))
    out.rule()
    out.pair(f"Sales ({report['sales']})", format_u(report["paid_u"]))
    out.pair("  of it fees", format_u(report["fee_u"]))
    out.pair("  of it tax", format_u(report["tax_u"]))
    out.pair("  of it credit", format_u(report["credit_u"]))
    out.pair(f"Voids ({report['voids']})", format_u(-report["voided_u"]))
    out.pair(f"Refunds ({report['payouts']})", format_u(-report["paid_out_u"]))
    if report["first_receipt"] is not None:
        out.pair("Sales' receipts", f"{report['first_receipt']} - {report['last_receipt']}")
    out.rule()
    out.pair("Float", format_u(report["float_u"]))
    out.pair("Sold for cash", format_u(report["cash_sales_u"]))
    out.pair("Voided", format_u(-report["voided_u"]))
    out.pair("Paid out", format_u(-report["paid_out_u"]))
    out.pair("From agents", format_u(report["agents_u"]))
    out.pair("Brought", format_u(report["brought_u"]))
    out.pair("Taken", format_u(-report["taken_u"]))
    out.big("Expected", format_u(report["expected_u"]))
    out.big("Counted", format_u(report["counted_u"]))
    out.big("Over" if report["over_u"] >= 0 else "Short", format_u(abs(report["over_u"])))
    return Paper(title=f"Z-report {report['register']}-{report['z_no']}", lines=tuple(out.found))
