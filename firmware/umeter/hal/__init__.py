"""The only place that knows the chip: pins, flash, clock, network, watchdog."""
