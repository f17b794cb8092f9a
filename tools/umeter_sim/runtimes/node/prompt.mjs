// The serial port of a board, and the prompt behind it: the interpreter's own, with raw paste added, which it lacks.

const [CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, RETURN, NEWLINE] = [1, 2, 3, 4, 5, 13, 10];
const WINDOW = 128; // of raw paste, as on the ESP32

export class Prompt {
  // python: see interpreter.mjs; send(bytes): to who listens; raw: the prompt that comes up is that for tools.
  constructor(send, raw) {
    this.send = send;
    this.raw = raw;
    this.typed = [];
    this.out = [];
    this.skip = 0; // of what is printed next
    this.dark = false;
    this.begun = []; // of a line of the raw prompt, as long as it may be the beginning of raw paste
    this.paste = null;
  }

  // What the interpreter prints. The chip puts a return before each newline.
  print(bytes) {
    if (this.dark) return;
    for (const byte of bytes) {
      if (this.skip > 0) this.skip -= 1;
      else {
        if (byte === NEWLINE && this.last !== RETURN) this.out.push(RETURN);
        this.out.push(byte);
        this.last = byte;
      }
    }
    if (this.out.length > 1024) this.flush();
  }

  say(text) {
    this.print(Buffer.from(text, "latin1"));
  }

  flush() {
    if (this.out.length) this.send(Uint8Array.from(this.out));
    this.out = [];
  }

  // Something was typed, in the middle of whatever runs.
  take(python, bytes) {
    const { _module } = python.mp;
    for (const byte of bytes) {
      if (byte === CTRL_C && _module._mp_hal_get_interrupt_char() === CTRL_C) _module._mp_sched_keyboard_interrupt();
      else this.typed.push(byte);
    }
  }

  // The prompt comes up.
  open(python) {
    this.python = python;
    python.mp.replInit();
    if (this.raw) python.mp.replProcessChar(CTRL_A);
    this.flush();
  }

  // Give the prompt what was typed, up to the end of a line. True if that asks for a soft reset.
  step() {
    while (this.typed.length) {
      const byte = this.typed.shift();
      const reset = this.paste ? this.pasted(byte) : this.character(byte);
      if (reset) {
        this.say("MPY: soft reboot\r\n");
        this.flush();
        return true;
      }
      if (byte === RETURN || byte === CTRL_D) break;
    }
    this.flush();
    return false;
  }

  character(byte) {
    if (this.raw && byte === [CTRL_E, 65, CTRL_A][this.begun.length]) {
      this.begun.push(byte);
      if (byte !== CTRL_A) return false;
      this.begun = [];
      this.paste = [];
      this.say("R\x01" + String.fromCharCode(WINDOW & 255, WINDOW >> 8));
      return false;
    }
    const held = this.begun;
    this.begun = [];
    if (byte === CTRL_A) this.raw = true;
    if (byte === CTRL_B) this.raw = false;
    for (const each of held) this.feed(each);
    return this.feed(byte);
  }

  pasted(byte) {
    const text = this.paste;
    if (byte !== CTRL_D && byte !== CTRL_C) {
      text.push(byte);
      if (text.length % WINDOW === 0) this.say("\x01");
      return false;
    }
    this.paste = null;
    this.say("\x04");
    if (byte === CTRL_C) {
      this.say("\x04\x04>");
      return false;
    }
    this.flush();
    for (const each of text) this.feed(each);
    this.skip = 2; // the OK that the raw prompt says, and raw paste does not
    // An empty text is no wish for a reset here.
    if (!text.length) this.feed(NEWLINE);
    return this.feed(CTRL_D);
  }

  feed(byte) {
    return this.python.mp.replProcessChar(byte) !== 0;
  }
}
