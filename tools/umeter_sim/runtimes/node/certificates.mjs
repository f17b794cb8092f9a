// How the simulated boards judge a server's certificate: as mbedTLS does, by the board's own clock. The twin of
// ../certificates.py.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

// mbedTLS' flags of a certificate that is not good.
const [EXPIRED, OTHER_NAME, NOT_TRUSTED, IN_THE_FUTURE] = [0x01, 0x04, 0x08, 0x200];
const KEY_TYPES = ["pkcs8", "sec1", "pkcs1"];

// What is wrong with the certificate of the server `name` at that time: flags, 0 for nothing. It must be signed by one
// of the authorities (DER) itself; their dates count too.
export function flaws(leaf, authorities, name, unixS) {
  const issuer = authorities.map((der) => new X509Certificate(der)).find((each) => hasIssued(each, leaf));
  let flags = issuer ? 0 : NOT_TRUSTED;
  for (const certificate of issuer ? [leaf, issuer] : [leaf]) {
    if (unixS * 1000 > Date.parse(certificate.validTo)) flags |= EXPIRED;
    if (unixS * 1000 < Date.parse(certificate.validFrom)) flags |= IN_THE_FUTURE;
  }
  const good = isIP(name)
    ? leaf.checkIP(name)
    : leaf.checkHost(name, { subject: "default", wildcards: true, partialWildcards: false });
  return good ? flags : flags | OTHER_NAME;
}

export function certificate(der) {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

// A private key in DER without a password.
export function privateKey(der) {
  for (const type of KEY_TYPES) {
    try {
      return createPrivateKey({ key: Buffer.from(der), format: "der", type });
    } catch {
      // the next one then
    }
  }
  return null;
}

function hasIssued(authority, leaf) {
  return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}
