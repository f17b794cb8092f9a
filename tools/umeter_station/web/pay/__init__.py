"""Paying: a tenant's top-up, the page for whoever stands at the box, and where both return to."""

from umeter_station.web.pay import at_the_box, label, outcome, sandbox_page, top_up

ROUTERS = (top_up.router, outcome.router, at_the_box.router, sandbox_page.router, label.router)
