// One power-up of the board: a fresh MicroPython, driven in slices from here so that its heap is collected between them.
// This thread never returns to its event loop: it waits on the bell, and what came in is taken from the port.

import { openSync, writeSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { bootInterpreter, flashBytes, flashFiles } from "./interpreter.mjs";
import { Pace } from "./pace.mjs";
import { Prompt } from "./prompt.mjs";
import { TcpBoard } from "./tcp_board.mjs";
import { TlsBoard } from "./tls_board.mjs";

const [RUNNING, CUT, RESET, CRASHED] = [0, 1, 2, 3];
const SOFT_RESET = 5; // of machine.reset_cause()
const IDLE_MS = 20; // of real time, at the prompt
const { setup, past, bell, port } = workerData;
const post = (message) => parentPort.postMessage(message);

const inbox = [];
let seen = 0;
let python = null;
let clockAt = 0;
let leaving = null; // the reason to leave, found while the firmware was in the middle of something
let waited = false; // the time that is about to pass has passed already
const flashAt = {}; // label of a partition: [address, size] of its cells

// Wait up to `ms` of real time for the bell, then take everything that came in.
function drain(ms) {
  if (ms > 0) Atomics.wait(bell, 0, seen, ms);
  const rung = Atomics.load(bell, 0);
  if (rung === seen) return;
  seen = rung;
  for (let got; (got = receiveMessageOnPort(port)); ) {
    const { request } = got.message;
    if (got.message.tcp) tcp.take(got.message.tcp);
    else if (request.op === "type") prompt.take(python, Buffer.from(request.base64, "base64"));
    else inbox.push(request);
  }
}

const memory = () => python.memory();
const tcp = new TcpBoard(post, memory, drain);
const clockFile = openSync(setup.clock_file, "r+");
const stamp = new BigInt64Array(1);

function nowMs() {
  const [seconds, ms] = new Int32Array(memory().buffer, clockAt, 2);
  return seconds * 1000 + ms;
}

function writeClock() {
  stamp[0] = BigInt(setup.world.start_unix * 1000 + nowMs());
  writeSync(clockFile, new Uint8Array(stamp.buffer), 0, 8, 0);
}

const pace = new Pace(drain, tcp, past ? past.pace : setup.pace);
const prompt = setup.serial ? new Prompt((bytes) => post({ serial: bytes }), past?.raw ?? false) : null;

const simhost = {
  ...tcp.functions(),
  ...new TlsBoard(tcp, memory).functions(),
  watch_clock: (address) => void (clockAt = address),
  // Cells outside of the interpreter's heap: blank when new, else as the last power-up left them.
  flash_cells: (label, size) => {
    const address = python.allocate(size);
    flashAt[label] = [address, size];
    memory().fill(0xff, address, address + size);
    if (past) memory().set(past.flash[label], address);
    return address;
  },
  edge: (channel, closed) => post({ edge: [nowMs(), channel, closed] }),
  wait: (ms) => {
    writeClock();
    waited = true;
    return pace.waitNetwork(ms, () => bell[0] !== seen);
  },
  typed: () => prompt?.typed.length ?? 0,
  ...(prompt && { keep: keepStep, dark: () => void ((prompt.dark = true), prompt.flush()) }),
};

// Of a board with a serial port: `ms` have passed in the firmware's loop, which does not return.
function keepStep(ms) {
  prompt.flush();
  writeClock();
  if (!waited) pace.keep(ms, false);
  waited = false;
  leaving ??= obey();
}

// What the firmware reads of what was typed: waits for it.
function readTyped() {
  while (!prompt.typed.length && !leaving) {
    prompt.flush();
    drain(IDLE_MS);
    leaving ??= obey();
  }
  return prompt.typed.shift() ?? null;
}

let status = RUNNING;
let running = past ? past.running : false;
let job = past ? past.job : null; // a run_for in progress: {id, until, began}
let reply = past ? past.reply : setup.reply; // the request that this power-up answers, or the next if it ends at once

function turn(ms) {
  status = python.call("run", ms);
  writeClock();
  if (status !== RUNNING) stopped();
}

function stopped() {
  if (status === CRASHED) post({ event: "crashed" });
  if (status === CUT) post({ event: "off" });
  if (status === RESET) post({ event: "reset" });
  if (status !== RESET) endJob({ error: status === CUT ? "the power was cut" : "the firmware crashed" });
}

function endJob(answer) {
  if (job) post({ id: job.id, now_ms: nowMs(), ...answer });
  job = null;
}

const operations = {
  start: () => void (running = true),
  pause: () => void (running = false),
  pace: (request) => pace.set(request),
  run_for: ({ id, ms }) => {
    if (status !== RUNNING) throw new Error("the board has no power");
    job = { id, began: nowMs(), until: nowMs() + ms };
    return "later";
  },
  power_cut: () => {
    if (status !== RUNNING) return;
    python.call("cut_power");
    status = CUT;
    stopped();
  },
  power_on: ({ id, after_ms }) => {
    if (status === RUNNING) throw new Error("the board has power already");
    return { reboot: { reply: id, offMs: after_ms } };
  },
  reset: ({ id, cause }) => {
    if (status !== RUNNING) throw new Error("the board has no power");
    python.call("reset", cause);
    post({ event: "reset" });
    return { reboot: { reply: id, offMs: 0 } };
  },
  flash: ({ label }) => {
    if (!(label in flashAt)) throw new Error(`there is no partition ${label}`);
    return { base64: Buffer.from(flashBytes(python, flashAt[label])).toString("base64") };
  },
  ask: ({ text }) => {
    python.collect();
    return JSON.parse(python.call("ask", text));
  },
};

// Handle what the host asked; the reason to leave this power-up, if there is one.
function obey() {
  while (inbox.length) {
    const request = inbox.shift();
    let answer;
    try {
      answer = operations[request.op](request) ?? {};
    } catch (error) {
      answer = { error: error.message };
    }
    if (answer.reboot) return answer.reboot;
    if (answer !== "later") post({ id: request.id, ...answer });
  }
  return null;
}

function live() {
  for (;;) {
    const leave = obey() ?? (status === RESET ? { reply, offMs: 0 } : null);
    if (leave) return leave;
    if (status === RUNNING && (running || job)) {
      const hurry = job !== null;
      const began = nowMs();
      const left = hurry ? Math.max(1, job.until - began) : Infinity;
      turn(Math.min(left, pace.sliceMs(hurry)));
      if (job && nowMs() >= job.until) endJob({ elapsed_ms: nowMs() - job.began });
      pace.keep(nowMs() - began, hurry);
    } else {
      drain(1000);
      pace.restart();
    }
  }
}

// The life of a board with a serial port: the firmware runs until it gives the prompt away.
function serve() {
  status = python.call("begin", !prompt.raw);
  if (status === RUNNING) prompt.open(python);
  else stopped();
  for (let at = performance.now(); ; ) {
    const leave = leaving ?? obey() ?? (status === RESET ? { reply: null, offMs: 0 } : null);
    if (leave) return leave;
    if (status !== RUNNING) {
      drain(1000);
      continue;
    }
    if (prompt.step()) {
      python.call("reset", SOFT_RESET);
      return { reply: null, offMs: 0, raw: prompt.raw };
    }
    const ms = Math.floor((performance.now() - at) * (pace.speed || 1));
    at += ms / (pace.speed || 1);
    status = python.call("idle", ms);
    writeClock();
    if (status !== RUNNING) stopped();
    else if (!prompt.typed.length) drain(IDLE_MS);
  }
}

const said = (bytes) => prompt.print(bytes);
const serial = prompt && { linebuffer: false, stdout: said, stderr: said, stdin: readTyped };
python = await bootInterpreter(setup, past, simhost, (line) => post({ log: line }), serial);
python.powerUp(past ? past.state : "");
writeClock();
if (prompt) python.withPrompt();
else {
  status = python.call("boot");
  writeClock();
}
if (status !== RESET && reply !== null && reply !== undefined) {
  post(status === CRASHED ? { id: reply, error: "the firmware crashed at boot" } : { id: reply, now_ms: nowMs() });
  reply = null;
}
if (status !== RUNNING) stopped();
const leave = prompt ? serve() : live();
const state = python.call("state", leave.offMs);
post({
  past: {
    state,
    flash: Object.fromEntries(Object.entries(flashAt).map(([label, at]) => [label, flashBytes(python, at)])),
    files: flashFiles(python),
    pace: pace.settings(),
    running,
    job,
    reply: leave.reply,
    raw: leave.raw ?? false,
  },
});
