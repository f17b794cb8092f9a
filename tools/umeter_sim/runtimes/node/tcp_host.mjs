// The main thread's half of the board's sockets: real TCP, driven by messages, reporting by messages.

import { lookup } from "node:dns";
import { connect } from "node:net";
import { secured, tlsFailure } from "./tls_host.mjs";

const UNREAD_LIMIT = 16 * 1024;
const ERRORS = { ECONNREFUSED: 1, ECONNRESET: 2, EPIPE: 2, ETIMEDOUT: 3 };
const UNREACHABLE = 4;

export class TcpHost {
  // tell(message): to the worker.
  constructor(tell) {
    this.tell = tell;
    this.sockets = new Map();
    this.closed = false;
  }

  handle({ op, id, host, port, data, size, wish }) {
    const socket = this.sockets.get(id);
    if (op === "connect") this.connect(id, host, port);
    else if (op === "secure" && socket) this.secure(id, socket, wish);
    else if (op === "resolve") lookup(host, 4, (_, address) => this.report(id, "resolved", { address: address || "" }));
    else if (op === "send") socket?.write(data, () => this.report(id, "sent", { size: data.length }));
    else if (op === "taken" && socket) {
      socket.unread -= size;
      if (socket.unread < UNREAD_LIMIT) socket.resume();
    } else if (op === "close" && socket) {
      this.sockets.delete(id);
      socket.end();
      socket.unref();
    }
  }

  connect(id, host, port) {
    const socket = connect({ host, port, noDelay: true });
    socket.on("connect", () => this.report(id, "connected"));
    this.adopt(id, socket);
  }

  // The same connection goes on inside TLS.
  secure(id, socket, wish) {
    for (const event of ["data", "end", "error"]) socket.removeAllListeners(event);
    socket.on("error", () => {}); // the TLS socket tells it too
    const inside = secured(socket, wish, (error) => {
      if (error) inside.removeAllListeners("data"); // nothing is heard from a server that is not trusted
      this.report(id, error ? "failed" : "secured", { error });
    });
    this.adopt(id, inside);
  }

  adopt(id, socket) {
    socket.unread = 0;
    this.sockets.set(id, socket);
    socket.on("data", (data) => {
      socket.unread += data.length;
      if (socket.unread >= UNREAD_LIMIT) socket.pause();
      this.report(id, "data", { data: new Uint8Array(data) });
    });
    socket.on("end", () => this.report(id, "end"));
    socket.on("error", (error) => this.report(id, "failed", { error: failure(error) }));
  }

  report(id, event, more) {
    if (!this.closed) this.tell({ tcp: { id, event, ...more } });
  }

  // The board is gone without a word; its peers learn it after a while.
  goSilent(afterMs) {
    this.closed = true;
    for (const socket of this.sockets.values()) socket.pause();
    setTimeout(() => this.closeAll(), afterMs).unref();
  }

  closeAll() {
    this.closed = true;
    for (const socket of this.sockets.values()) socket.destroy();
    this.sockets.clear();
  }
}

function failure(error) {
  return tlsFailure(error) || (ERRORS[error.code] ?? UNREACHABLE);
}
