"""Front ends: one file per metering chip or module, each handed its bus object."""
