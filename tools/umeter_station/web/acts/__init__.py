"""Who did what, and everything as files."""

from umeter_station.web.acts import export_routes, routes

ROUTERS = (routes.router, export_routes.router)
