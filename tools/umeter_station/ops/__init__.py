"""Running a station: configuration, logs, metrics, backup, services."""
