"""Those who may sign in, the keys of machines, and what waits for a second person."""

from umeter_station.web.people import approval_routes, key_routes, routes

# Keys before people, whose pages have numbers in the same place.
ROUTERS = tuple(each.router for each in (key_routes, routes, approval_routes))
