"""The portal: what whoever uses the electricity sees of it, pays for it and may do about it."""

from umeter_station.web.portal import (
    hand_routes,
    overview_routes,
    purchase_routes,
    settings_routes,
    usage_routes,
)

ROUTERS = tuple(
    each.router
    for each in (
        overview_routes,
        usage_routes,
        purchase_routes,
        settings_routes,
        hand_routes,
    )
)
