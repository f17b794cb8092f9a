// Runs one function of one MicroPython script and tells its result: for tests of pure code in the real interpreter.
//
// stdin: {"interpreter", "trees", "heap_bytes", "script", "function", "argument"}; what the script prints goes
// to stderr, {"returned": what the function returns, a str} or {"raised": message} to stdout.

import { readFileSync, writeFileSync } from "node:fs";
import { loadInterpreter } from "./interpreter.mjs";
import { leave } from "./leave.mjs";

const setup = JSON.parse(readFileSync(0, "utf8"));
const mp = await loadInterpreter(setup, (line) => process.stderr.write(line + "\n"));
let told;
try {
  mp.runPython(setup.script);
  told = { returned: mp.globals.get(setup.function)(setup.argument) };
} catch (error) {
  told = { raised: error.message };
}
writeFileSync(1, JSON.stringify(told));
leave();
