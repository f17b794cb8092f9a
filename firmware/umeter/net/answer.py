"""From a command's token to the token of its result."""

from umeter.net.envelope import sign, verify
from umeter.net.reports import encode


def answer(commands, token):
    """The signed result, or None if there is nobody to answer; that is counted."""
    payload = verify(commands.key, token)
    if payload is None:
        commands.forged += 1
        return None
    from umeter.net.orders import carry_out

    report = carry_out(payload, commands.meter, commands.clock)
    if report is None:
        commands.unnumbered += 1
        return None
    return sign(commands.key, encode(report))
