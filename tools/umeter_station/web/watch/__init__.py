"""The console's watching half: what is abnormal now, the map of meters, and each meter's page."""

from umeter_station.web.watch import abnormal, board_map, meter_acts, meter_page

ROUTERS = (abnormal.router, board_map.router, meter_page.router, meter_acts.router)
