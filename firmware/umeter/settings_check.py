"""The rules of the settings document. Each refusal says what would be right."""

# key: (lowest, highest)
_RANGES = {
    "price_u_per_kwh": (0, 99_999_999),
    "low_credit_u": (-1_000_000_000_000, 1_000_000_000_000),
    "disable_at_u": (-1_000_000_000_000, 1_000_000_000_000),
    "report_s": (5, 86_400),
    "commit_wh": (1, 4),
    "fault_s": (10, 3600),
    "stagger_ms": (100, 10_000),
    "dwell_ms": (0, 600_000),
    "profile_min": (1, 60),
}
_PER_CHANNEL = ("price_u_per_kwh", "low_credit_u", "disable_at_u")


def check(changes, channels):
    """Judge {key: value} for a board of so many channels. Returns ({key: value} to apply,
    {key: sentence} refused).
    """
    accepted = {}
    refused = {}
    for key in changes:
        fault = _fault(key, changes[key], channels)
        if fault:
            refused[key] = fault
        else:
            accepted[key] = changes[key]
    return accepted, refused


def _fault(key, value, channels):
    name = key
    if key.startswith("ch."):
        channel, _, name = key[3:].partition(".")
        if channel not in [str(i + 1) for i in range(channels)]:
            return "channel must be 1..%d, as in ch.1.price_u_per_kwh" % channels
        if name not in _PER_CHANNEL:
            return "a channel's own settings are " + ", ".join(_PER_CHANNEL)
    if name not in _RANGES:
        return "unknown, the settings are " + ", ".join(sorted(_RANGES))
    if type(value) is not int:  # True would pass for an int
        return "must be an integer"
    low, high = _RANGES[name]
    if not low <= value <= high:
        return "must be %d..%d" % (low, high)
    if name == "profile_min" and 60 % value:
        return "must divide 60: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60"
    return None
