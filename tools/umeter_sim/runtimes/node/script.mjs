// Runs one function of one MicroPython script and prints its result: for tests of pure code in the real interpreter.
//
// stdin: {"interpreter", "trees", "heap_bytes", "script", "function", "argument"}; what the script prints goes
// to stderr, what the function returns (a str) to stdout.

import { readFileSync } from "node:fs";
import { loadInterpreter } from "./interpreter.mjs";

const setup = JSON.parse(readFileSync(0, "utf8"));
const mp = await loadInterpreter(setup, (line) => process.stderr.write(line + "\n"));
try {
  mp.runPython(setup.script);
  process.stdout.write(mp.globals.get(setup.function)(setup.argument));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
