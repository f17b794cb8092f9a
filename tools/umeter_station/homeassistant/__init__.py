"""Every channel as a device of Home Assistant, announced and published by the station."""
