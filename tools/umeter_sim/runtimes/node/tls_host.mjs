// The board's TLS in the main thread: what mbedTLS does on the chip, done by OpenSSL on the same TCP connection.
//
// TLS 1.2, as the ESP32's firmware is built. OpenSSL verifies nothing here: dates count by the board's clock, so
// certificates.mjs judges once the handshake is done, before any byte of the board leaves.

import { connect } from "node:tls";
import { isIP } from "node:net";
import { certificate, flaws, privateKey } from "./certificates.mjs";

// Errors of a TLS connection, beside those of TCP; VERIFY is or'ed with mbedTLS' flags.
const [GARBAGE, ALERT, EARLY_END, VERIFY] = [5, 6, 7, 0x1000];

// A TLS socket over an open socket. wish: {authorities, certificate, key, name, unixS, verify}; done(error): 0 when the
// handshake has succeeded and the server may be trusted.
export function secured(socket, wish, done) {
  const secure = connect({
    socket,
    servername: isIP(wish.name) ? "" : wish.name,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
    ...(wish.key && ownCertificate(wish)),
  });
  secure.once("secureConnect", () => {
    const server = secure.getPeerX509Certificate();
    const flags = wish.verify ? flaws(server, wish.authorities, wish.name, wish.unixS) : 0;
    done(flags ? VERIFY | flags : 0);
  });
  return secure;
}

// The number of an error of a TLS connection; 0 for one of the TCP connection below it.
export function tlsFailure(error) {
  if (error.code === "ECONNRESET" && !error.syscall) return EARLY_END;
  if (!error.code?.startsWith("ERR_SSL") && error.library !== "SSL routines") return 0;
  return /alert/i.test(error.code ?? error.reason) ? ALERT : GARBAGE;
}

function ownCertificate({ certificate: der, key }) {
  return {
    cert: certificate(der).toString(),
    key: privateKey(key).export({ format: "pem", type: "pkcs8" }),
  };
}
