// MicroPython for WebAssembly with the board's files in it. Used once: the package keeps its instance in globals.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const PYSTACK_WORDS = 8192;
// What is not the board's filesystem: the chip's own modules, and what the interpreter was built with.
const NOT_FLASH = ["dev", "proc", "tmp", "home", "sim", "frozen", "chip"];
const FUNCTIONS = ["power_up", "note_baseline", "boot", "run", "ask", "cut_power", "reset", "state"];
const PROMPT_FUNCTIONS = ["begin", "idle"];

// setup.interpreter: the package's .mjs; setup.trees: [[host directory, directory in the board]], earlier ones shadow
// later ones; setup.heap_bytes. options: more for loadMicroPython.
export async function loadInterpreter(setup, onLine, options = {}) {
  const { loadMicroPython } = await import(pathToFileURL(setup.interpreter));
  const mp = await loadMicroPython({
    heapsize: setup.heap_bytes,
    pystack: PYSTACK_WORDS,
    stdout: onLine,
    stderr: onLine,
    linebuffer: true,
    ...options,
  });
  const paths = [];
  for (const [from, to] of setup.trees) {
    copyTree(mp.FS, from, to);
    paths.unshift(to);
  }
  const inserts = paths.map((path) => `sys.path.insert(0, ${JSON.stringify(path)})`);
  mp.runPython(["import sys", ...inserts].join("\n"));
  return mp;
}

// The interpreter of one power-up as the worker drives it. What lies in the board's filesystem is past.files; that of
// a new board is setup.software, [host directory, directory in the board] or null, and setup.files, {path: text or
// {base64}}.
export async function bootInterpreter(setup, past, simhost, onLine, options) {
  const mp = await loadInterpreter(setup, onLine, options);
  if (past?.files) writeFiles(mp.FS, past.files);
  else {
    if (setup.software) copyTree(mp.FS, ...setup.software);
    writeFiles(mp.FS, setup.files);
  }
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
  // For a board with a serial port, behind powerUp().
  python.withPrompt = () => {
    mp.runPython("import prompt\nprompt.install()");
    const prompt = mp.globals.get("prompt");
    for (const name of PROMPT_FUNCTIONS) functions[name] = prompt[name];
    mp.runPython("del prompt, control, gc, sys");
  };
  return python;
}

export function flashBytes(python, [address, size]) {
  return python.memory().slice(address, address + size);
}

// The board's filesystem: {path: bytes, or null for an empty folder}.
export function flashFiles(python) {
  const files = {};
  readTree(python.mp.FS, "", files, NOT_FLASH);
  return files;
}

function readTree(FS, folder, files, leftOut) {
  for (const name of FS.readdir("/" + folder)) {
    if (name === "." || name === ".." || leftOut.includes(name)) continue;
    const path = folder ? `${folder}/${name}` : name;
    if (FS.isFile(FS.stat("/" + path).mode)) files[path] = FS.readFile("/" + path);
    else {
      const before = Object.keys(files).length;
      readTree(FS, path, files, []);
      if (Object.keys(files).length === before) files[path] = null;
    }
  }
}

function writeFiles(FS, files) {
  for (const [name, content] of Object.entries(files)) {
    const path = "/" + name;
    FS.mkdirTree(content === null ? path : dirname(path));
    if (content !== null) FS.writeFile(path, content.base64 === undefined ? content : Buffer.from(content.base64, "base64"));
  }
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
