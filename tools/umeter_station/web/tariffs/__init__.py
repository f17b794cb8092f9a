"""Tariffs in plain words, what a household would pay, and how they come to the meters."""

from umeter_station.web.tariffs import charge_routes, giving_routes, routes

ROUTERS = (routes.router, giving_routes.router, charge_routes.router)
