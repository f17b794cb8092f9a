"""The fleet: settings brought to many meters, templates, schedules, releases of the firmware."""

from umeter_station.web.fleet import plan_routes, release_routes, rollout_new, rollout_routes

# A new one before those with numbers in the same place.
ROUTERS = tuple(each.router for each in (rollout_new, rollout_routes, plan_routes, release_routes))
