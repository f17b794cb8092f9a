// The worker thread's half of the board's TLS: what the board's contexts know, and the start of a handshake. The
// handshake itself runs in the main thread, see tls_host.mjs.

import { certificate, privateKey } from "./certificates.mjs";

const [AUTHORITY, CERTIFICATE, KEY] = [0, 1, 2];

export class TlsBoard {
  constructor(tcp, memory) {
    this.tcp = tcp;
    this.memory = memory;
    this.contexts = [];
  }

  // What MicroPython sees, as functions of the module simhost.
  functions() {
    return {
      tls_context: () => this.contexts.push({ authorities: [], certificate: null, key: null }) - 1,
      tls_load: (context, kind, address, size) => this.load(this.contexts[context], kind, address, size),
      tls_start: (id, context, name, unixS, verify) =>
        this.tcp.secure(id, { ...this.contexts[context], name, unixS: Number(unixS), verify }),
    };
  }

  // 0, or -1 for what is no certificate or no key.
  load(context, kind, address, size) {
    const der = this.memory().slice(address, address + size);
    if (!(kind === KEY ? privateKey(der) : certificate(der))) return -1;
    if (kind === AUTHORITY) context.authorities.push(der);
    if (kind === CERTIFICATE) context.certificate = der;
    if (kind === KEY) context.key = der;
    return 0;
  }
}
