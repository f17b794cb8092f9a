"""The desk: who stands there, what is sold, shifts and their drawers, agents."""

from umeter_station.web.desk import (
    agent_routes,
    back_routes,
    routes,
    sale_routes,
    shift_routes,
)

# Agents before shifts, whose pages have numbers in the same place.
ROUTERS = tuple(
    each.router for each in (routes, sale_routes, back_routes, agent_routes, shift_routes)
)
