"""The fleet: settings brought to many meters, templates, schedules, releases of the firmware."""

from umeter_station.web.fleet import rollout_new, rollout_routes

ROUTERS = tuple(each.router for each in (rollout_new, rollout_routes))
