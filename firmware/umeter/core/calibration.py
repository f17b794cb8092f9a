"""What somebody has set for one channel, against a known load."""


def scaled(value, ppm):
    """value (up to 300 000) with a gain of 1_000_000 + ppm (up to 100 000 either way) millionths,
    rounded down in the gain's part; never leaves the small ints.
    """
    if value < 0:
        return -scaled(-value, ppm)
    # No divmod: it would put a tuple in the heap.
    return value + (value // 1000 * ppm + value % 1000 * ppm // 1000) // 1000
