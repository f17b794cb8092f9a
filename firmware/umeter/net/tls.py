"""TLS for one connection: the broker must prove to be the one that site.json names.

Its certificate is checked against the CAs that were put on the board, its name against the site's.
Imported for the moment of a connect; certificates and keys stay in flash.
"""

import gc

import tls


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def wrap(raw, site, name):
    """What speaks TLS over a connected, non-blocking socket.

    The handshake has not begun: it is part of the first writes and reads, so it can be waited for
    with patience. site: "ca" is the number of ca<i>.der files, "client" tells whether there are
    client.der and client_key.der. name: what the certificate must be for.
    """
    gc.collect()  # a TLS session of before has its memory beside our heap
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    for i in range(site["ca"]):
        context.load_verify_locations(_read("ca%d.der" % i))
    if site["client"]:
        context.load_cert_chain(_read("client.der"), _read("client_key.der"))
    return context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False)
