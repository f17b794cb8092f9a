"""Whether the books agree with themselves and with what others say; the bank's files; money whose
owner is not known yet."""

from umeter_station.web.audit import bank_routes, routes

ROUTERS = (routes.router, bank_routes.router)
