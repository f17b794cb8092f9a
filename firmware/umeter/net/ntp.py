"""The time to judge certificates by, while the station has not set the clock.

SNTP (RFC 4330) is asked first. It is not signed, so its time is good for this alone: `when` stays
unknown, no tariff goes by it. Without an answer there is a floor, the last time that the meter
knew. A certificate that had expired by then is refused; one that was made since then is accepted
in one of the next tries, each of which supposes 30 more days to have passed.
"""

from micropython import const

_NTP_S = const(3_786_825_600)  # 2020-01-01, where `when` begins, in NTP's seconds since 1900
_UNIX_S = const(1_577_836_800)
_LAST_WHEN = const(1_073_001_599)  # the end of 2053
_STEP_S = const(2_592_000)
_STEPS = const(37)
_WAIT_MS = const(5000)


def lend(patient, clock, site, last_when, tries, randrange):
    """Give the RTC a time. Returns where it is from: "ntp" or "floor".

    patient: the PatientSocket. site: "ntp" is the server's host, "made_t" the Unix time at which
    the file was made. last_when: of the journal, 0 if it has none. tries: that failed before.
    """
    floor = max(last_when, site["made_t"] - _UNIX_S)
    try:
        when = _ask(patient, clock, site["ntp"], bytes([randrange(256) for _ in range(8)]))
        if floor <= when <= _LAST_WHEN:
            clock.lend(when)
            return "ntp"
    except OSError:
        pass
    clock.lend(floor + tries % _STEPS * _STEP_S)
    return "floor"


def _ask(patient, clock, host, cookie):
    """`when` as the server has it. OSError if it does not say."""
    port = patient.port
    address = patient.getaddrinfo(host, 123)[0][-1]
    sock = port.socket(port.AF_INET, port.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # Version 4, a client; it gives back the cookie, so nobody answers who has not seen it.
        sock.sendto(b"\x23" + bytes(39) + cookie, address)
        poller = patient.select.poll()
        poller.register(sock, patient.select.POLLIN)
        start_ms = clock.ticks_ms()
        while clock.ticks_diff(clock.ticks_ms(), start_ms) < _WAIT_MS:
            if poller.poll(20):
                told = sock.recv(48)
                if len(told) == 48 and told[0] & 7 == 4 and told[1] and told[24:32] == cookie:
                    seconds = 0
                    for byte in told[40:44]:
                        seconds = seconds * 256 + byte
                    if seconds < 1 << 31:  # since 2036 it counts anew
                        seconds += 1 << 32
                    return seconds - _NTP_S
            patient.turn()
    finally:
        sock.close()
    raise OSError("no time")
