"""Abnormal meters: rules over windows of what was read, findings, alerts."""
