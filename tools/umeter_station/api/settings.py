"""What can be set about the API, with what it is by default."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class ApiSettings:
    """`plain_http`: cookies without `Secure`, for a browser on this machine and no other.
    `per_address` and `per_caller` are (requests a second in the long run, at once)."""

    plain_http: bool = False
    max_body_bytes: int = MIB
    per_address: tuple[float, int] = (20.0, 200)
    per_caller: tuple[float, int] = (20.0, 200)
    # Sign-in, pay pages and whatever else is open to everybody.
    per_stranger: tuple[float, int] = (1.0, 30)

    @property
    def cookie(self) -> str:
        """A browser takes a `__Host-` cookie only with Secure, Path=/ and without a domain."""
        return "umeter" if self.plain_http else "__Host-umeter"
