"""Tenants: who has which channel from when until when, how they sign in, what they bought."""

from umeter_station.web.tenants import moving_routes, routes, wallet_routes

ROUTERS = (routes.router, moving_routes.router, wallet_routes.router)
