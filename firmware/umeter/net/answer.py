"""From a command's token to the token of its result."""

from umeter.net.envelope import sign, verify
from umeter.net.reports import encode


def answer(commands, token):
    """The signed result, or None if there is nobody to answer; that is counted. It is signed with
    the key that the order was.
    """
    for key in commands.keys:
        payload = verify(key, token)
        if payload is not None:
            break
    else:
        commands.forged += 1
        return None
    from umeter.net.orders import carry_out

    report = carry_out(payload, commands, key)
    if report is None:
        commands.unnumbered += 1
        return None
    if len(commands.keys) > 1 and key == commands.keys[0]:
        from umeter.net.order_key import settle

        settle(commands)
    return sign(key, encode(report))
