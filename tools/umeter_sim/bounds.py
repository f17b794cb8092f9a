"""What each figure of the bench may be."""

POWER_CUTS = 20_000
# name: the most it may be. What is missing here and below is told, not judged.
LIMITS = {
    "mpy_bytes": 64_000,
    "boot_heap_bytes": 65_536,
    "tick_heap_bytes": 0,
    "tick_heap_refusals": 0,
    "cutoff_overshoot_ms": 300,
    "tick_gap_ms_blackhole": 50,
    "energy_error_wh_10y": 0,
    "boot_to_valid_reading_ms": 5000,
    "soak_energy_error_wh": 1,
    "purchases_lost": 0,
    "purchases_doubled": 0,
    "energy_lost_wh_max": 4,
    "energy_invented_wh_max": 0,
    "false_trips_30_days": 0,
    "weld_detect_s_max": 15,
    "tick_gap_ms_worst_fault": 50,
    "reconnect_s_after_broker_restart": 10,
    "heap_growth_bytes_after_faults": 0,
    "fuzz_state_changes": 0,
    "orders_lost": 0,
    "orders_doubled": 0,
    "history_missing_intervals": 0,
    "history_missing_events": 0,
    "history_tick_gap_ms": 50,
    "history_heap_growth_bytes": 0,
    "frontend_trap_wh": 0,
    "accuracy_added_percent_max": 0.02,
    "pzem_scan_ms_8": 800,
    "creep_counts_24h": 0,
    "deploy_second_bytes": 0,
    "ota_bricks": 0,
    "portal_first_load_bytes": 61_440,
    "year_chart_bytes": 40_960,
    "console_tiles_500_ratio": 10,
    "axe_serious": 0,
    "ledger_imbalance": 0,
    "sales_lost": 0,
    "sales_doubled": 0,
    "rule_false_alarms_per_1000_channel_days": 1,
    "read_on_demand_p95_ms": 2000,
    "sale_to_applied_p95_ms": 3000,
}
# name: the least it may be.
FLOORS = {
    "scenarios_passed": 60,
    "power_cuts_tried": POWER_CUTS,
    "flash_life_years": 20,
    "audit_records": 1000,
    "profile_days": 60,
    "fuzz_inputs": 200_000,
    "ota_cuts_tried": 500,
    "rule_precision_min": 0.95,
    "rule_recall_min": 0.95,
    "ingest_vs_bare_subscriber": 0.5,
    "ingest_vs_commit_each": 5,
    "meters_sustained": 100_000,
}
# Of real time, on a machine that may be busy with something else: beyond its bound such a figure
# is shown as that, and is no error.
PACES = {
    "ingest_vs_bare_subscriber",
    "ingest_vs_commit_each",
    "meters_sustained",
    "read_on_demand_p95_ms",
    "sale_to_applied_p95_ms",
    "console_tiles_500_ratio",
}


def judge(name, value):
    """(is the figure within its bound, that bound in words)."""
    if name in LIMITS:
        return value <= LIMITS[name], f"<= {LIMITS[name]}"
    if name in FLOORS:
        return value >= FLOORS[name], f">= {FLOORS[name]}"
    return True, ""
