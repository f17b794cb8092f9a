// The host process of one simulated board: owns the real TCP connections and the board's worker thread, and speaks
// JSON lines with the Python host on stdin/stdout. A power cycle is a new worker: nothing of the old interpreter is left.
//
// stdin:  first line: the board (see worker.mjs, `setup`); then requests {"id", "op", ...}
// stdout: {"id", ...answer}, {"log": line}, {"serial": base64}, {"event": "off" | "crashed" | "reset"}

import { createInterface } from "node:readline";
import { MessageChannel, Worker } from "node:worker_threads";
import { leave } from "./leave.mjs";
import { TcpHost } from "./tcp_host.mjs";

// A board without power says no goodbye, and its broker notices by the keepalive. That runs on real time, while the
// board's minutes may be seconds: so the silence is kept short.
const SILENCE_AFTER_CUT_MS = 1000;

const bell = new Int32Array(new SharedArrayBuffer(4));
const edges = [];
const unanswered = new Map(); // requests by their number
let setup = null;
let worker = null;
let port = null;
let tcp = null;

function say(message) {
  unanswered.delete(message.id);
  process.stdout.write(JSON.stringify(message) + "\n");
}

function tell(message) {
  port.postMessage(message);
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}

function powerUp(past) {
  const channel = new MessageChannel();
  port = channel.port1;
  port.unref();
  tcp = new TcpHost(tell);
  worker = new Worker(new URL("./worker.mjs", import.meta.url), {
    workerData: { setup, past, bell, port: channel.port2 },
    transferList: [channel.port2],
  });
  worker.on("message", fromWorker);
  worker.on("error", (error) => {
    say({ event: "crashed", error: String(error.stack || error) });
    leave();
  });
}

function fromWorker(message) {
  if (message.tcp) tcp.handle(message.tcp);
  else if (message.edge) edges.push(message.edge);
  else if (message.past) reboot(message.past);
  else if (message.serial) say({ serial: Buffer.from(message.serial).toString("base64") });
  else {
    if (message.event === "off" || message.event === "reset") tcp.goSilent(SILENCE_AFTER_CUT_MS);
    say(message);
  }
}

function reboot(past) {
  tcp.closeAll();
  powerUp(past);
  // What came while the old one was leaving, nobody has read.
  const taken = [past.reply, past.job?.id];
  for (const request of unanswered.values()) if (!taken.includes(request.id)) tell({ request });
}

// What the first worker of a board with a past is handed, as a worker leaves it.
function earlier({ state, flash }) {
  const cells = Object.entries(flash).map(([label, text]) => [label, Buffer.from(text, "base64")]);
  const { pace, reply } = setup;
  return { state, flash: Object.fromEntries(cells), files: null, pace, running: false, job: null, reply };
}

function fromHost(line) {
  const request = JSON.parse(line);
  if (!setup) {
    const { past, ...rest } = request;
    setup = rest;
    powerUp(past ? earlier(past) : null);
  } else if (request.op === "edges") say({ id: request.id, edges });
  else if (request.op === "close") leave();
  else {
    if (request.op !== "type") unanswered.set(request.id, request);
    tell({ request });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", fromHost);
lines.on("close", leave);
