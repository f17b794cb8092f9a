// How a process of ours ends. An orderly exit waits for the compilers in the background, and one of them may be waiting
// for this thread to collect garbage (nodejs/node#54918): one of some hundred processes would never end. What was
// written to a pipe before is there.

export function leave() {
  process.kill(process.pid, "SIGKILL");
}
