// MicroPython for WebAssembly with the board's files in it. Used once: the package keeps its instance in globals.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const PYSTACK_WORDS = 8192;
const FUNCTIONS = ["power_up", "note_baseline", "boot", "run", "ask", "cut_power", "reset", "state"];

// setup.interpreter: the package's .mjs; setup.trees: [[host directory, directory in the board]], earlier ones shadow
// later ones; setup.files: {name: text or {base64}} in the root directory; setup.heap_bytes.
export async function loadInterpreter(setup, onLine) {
  const { loadMicroPython } = await import(pathToFileURL(setup.interpreter));
  const mp = await loadMicroPython({
    heapsize: setup.heap_bytes,
    pystack: PYSTACK_WORDS,
    stdout: onLine,
    stderr: onLine,
    linebuffer: true,
  });
  const paths = [];
  for (const [from, to] of setup.trees) {
    copyTree(mp.FS, from, to);
    paths.unshift(to);
  }
  const inserts = paths.map((path) => `sys.path.insert(0, ${JSON.stringify(path)})`);
  mp.runPython(["import sys", ...inserts].join("\n"));
  for (const [name, content] of Object.entries(setup.files)) {
    const bytes = typeof content === "string" ? content : Buffer.from(content.base64, "base64");
    mp.FS.writeFile("/" + name, bytes);
  }
  return mp;
}

// The interpreter of one power-up as the worker drives it.
export async function bootInterpreter(setup, past, simhost, onLine) {
  const mp = await loadInterpreter(setup, onLine);
  for (const [name, bytes] of Object.entries(past?.files ?? {})) mp.FS.writeFile("/" + name, bytes);
  mp.registerJsModule("simhost", simhost);
  const python = { mp, memory: () => mp._module.HEAPU8, allocate: (size) => mp._module._malloc(size) };
  python.collect = () => mp.runPython("import gc\ngc.collect()");
  const functions = {};
  python.call = (name, ...args) => functions[name](...args);
  python.powerUp = (state) => {
    mp.runPython("import control");
    const control = mp.globals.get("control");
    // Each look-up makes a proxy that is never given back: once each.
    for (const name of FUNCTIONS) functions[name] = control[name];
    functions.power_up(JSON.stringify(setup.world), state);
    python.collect();
    functions.note_baseline();
  };
  return python;
}

export function flashBytes(python, [address, size]) {
  return python.memory().slice(address, address + size);
}

// The regular files in the board's root directory: its filesystem, as far as the firmware writes to it.
export function rootFiles(python) {
  const { FS } = python.mp;
  const files = {};
  for (const name of FS.readdir("/")) {
    if (FS.isFile(FS.stat("/" + name).mode)) files[name] = FS.readFile("/" + name);
  }
  return files;
}

function copyTree(FS, from, to) {
  FS.mkdirTree(to);
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    if (statSync(source).isDirectory()) {
      if (name !== "__pycache__") copyTree(FS, source, `${to}/${name}`);
    } else FS.writeFile(`${to}/${name}`, readFileSync(source));
  }
}
