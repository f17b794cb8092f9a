"""How much each meter may send: a burst, and so many messages a minute after it.

One number per meter is kept, when its bucket would be full again, in seconds.
"""


class Buckets:
    def __init__(self, burst: int, per_minute: int) -> None:
        self._each_s = 60 / per_minute
        self._most_s = burst * self._each_s
        self._full_at: dict[str, float] = {}

    def take(self, meter: str, now_s: int) -> bool:
        """One message; False if the bucket is empty."""
        full_at = self._full_at.get(meter, 0.0)
        left_s = full_at - now_s
        if left_s <= 0 or left_s > self._most_s:  # full; or the clock was set back
            full_at, left_s = now_s, 0.0
        if left_s + self._each_s > self._most_s:
            return False
        self._full_at[meter] = full_at + self._each_s
        return True

    def forget_full(self, now_s: int) -> None:
        """Keep no number for a bucket that is full: names come and go."""
        self._full_at = {m: at for m, at in self._full_at.items() if at > now_s}

    def __len__(self) -> int:
        return len(self._full_at)
