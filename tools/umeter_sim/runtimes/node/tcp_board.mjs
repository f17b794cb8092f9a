// The worker thread's half of the board's sockets: synchronous, never waiting; the flags are those of select.poll.

const READABLE = 1;
const WRITABLE = 4;
const FAILED = 8;
const HUNG_UP = 16;
const NOTHING = -1;
const GARBAGE = 5; // the first error that is one of TLS, see tls_host.mjs
const SEND_BUFFER = 5744; // lwIP's on the ESP32
// The first byte of what no MQTT broker answers, less DUP and RETAIN: PUBLISH with QoS 0, PUBACK, DISCONNECT.
const UNANSWERED = [0x30, 0x40, 0xe0];
const WITHOUT_FLAGS = 0xf6;

export class TcpBoard {
  // post(message): to the main thread; memory(): the interpreter's bytes; drain(): take what has come in.
  constructor(post, memory, drain) {
    this.post = (op, id, more) => post({ tcp: { op, id, ...more } });
    this.memory = memory;
    this.drain = drain;
    this.sockets = new Map();
    this.lastId = 0;
    this.address = null;
    this.askedAt = -Infinity; // when something was sent to which no answer has come yet
  }

  // From the main thread.
  take({ id, event, data, size, error, address }) {
    const socket = this.sockets.get(id);
    if (event !== "sent") this.askedAt = -Infinity;
    if (event === "resolved") this.address = address;
    else if (!socket) return;
    else if (event === "connected") socket.open = true;
    else if (event === "data") socket.chunks.push(data);
    else if (event === "end") socket.ended = true;
    else if (event === "sent") socket.unsent -= size;
    else if (event === "secured") socket.secret = false;
    else if (event === "failed") socket.error ||= error;
  }

  // What MicroPython sees, as functions of the module simhost.
  functions() {
    return {
      resolve: (host) => this.resolve(host),
      tcp_open: () => this.open(),
      tcp_connect: (id, host, port) => this.connect(id, host, port),
      tcp_state: (id) => this.state(id),
      tcp_error: (id) => this.sockets.get(id)?.error ?? 0,
      tcp_recv: (id, address, size) => this.recv(id, address, size),
      tcp_send: (id, address, size) => this.send(id, address, size),
      tcp_close: (id) => this.close(id),
    };
  }

  resolve(host) {
    this.address = null;
    this.post("resolve", 0, { host });
    while (this.address === null) this.drain(1000);
    return this.address;
  }

  open() {
    this.lastId += 1;
    // secret: a TLS handshake is going on.
    const socket = { open: false, secret: false, ended: false, error: 0, unsent: 0, chunks: [], offset: 0 };
    this.sockets.set(this.lastId, socket);
    return this.lastId;
  }

  connect(id, host, port) {
    this.post("connect", id, { host, port });
  }

  // Begin TLS on an open connection; the functions tcp_* then mean what is in it. wish: see tls_host.mjs.
  secure(id, wish) {
    const socket = this.sockets.get(id);
    if (socket.chunks.length) socket.error = GARBAGE; // a server of TLS does not speak first
    if (socket.error) return;
    socket.secret = true;
    this.askedAt = performance.now();
    this.post("secure", id, { wish });
  }

  state(id) {
    this.drain(0);
    const socket = this.sockets.get(id);
    if (!socket) return FAILED | HUNG_UP;
    if (socket.error >= GARBAGE) return READABLE | WRITABLE; // a handshake that failed waits to be asked why
    if (socket.secret && !socket.error) return 0;
    if (socket.error) return FAILED | HUNG_UP | (socket.chunks.length ? READABLE : 0);
    let flags = socket.chunks.length || socket.ended ? READABLE : 0;
    if (socket.open && socket.unsent < SEND_BUFFER) flags |= WRITABLE;
    return flags;
  }

  recv(id, address, size) {
    this.drain(0);
    const socket = this.sockets.get(id);
    let done = 0;
    while (done < size && socket.chunks.length) {
      const chunk = socket.chunks[0];
      const part = chunk.subarray(socket.offset, socket.offset + size - done);
      this.memory().set(part, address + done);
      done += part.length;
      socket.offset += part.length;
      if (socket.offset === chunk.length) {
        socket.chunks.shift();
        socket.offset = 0;
      }
    }
    if (done) this.post("taken", id, { size: done });
    else if (socket.secret && !socket.error) return NOTHING;
    else if (socket.error) return -2 - socket.error;
    else if (!socket.ended) return NOTHING;
    return done;
  }

  send(id, address, size) {
    this.drain(0);
    const socket = this.sockets.get(id);
    if (socket.error) return -2 - socket.error;
    if (!socket.open) return -2;
    if (socket.secret) return NOTHING;
    const part = Math.min(size, SEND_BUFFER - socket.unsent);
    if (part <= 0) return NOTHING;
    socket.unsent += part;
    const data = this.memory().slice(address, address + part);
    if (!UNANSWERED.includes(data[0] & WITHOUT_FLAGS)) this.askedAt = performance.now();
    this.post("send", id, { data });
    return part;
  }

  close(id) {
    this.sockets.delete(id);
    this.post("close", id);
  }
}
