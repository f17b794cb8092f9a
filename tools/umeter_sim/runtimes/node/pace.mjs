// How fast virtual time may run against real time.
//
// speed: virtual ms for each real ms, 0 = as fast as it goes. net_speed: the same while the board waits for its peer,
// so that its network deadlines stay fair however fast it runs else. A peer that owes an answer gets answer_ms of real
// time at that pace before the board hurries on.

export class Pace {
  constructor(drain, tcp, settings) {
    this.drain = drain;
    this.tcp = tcp;
    this.set(settings);
    this.restart();
  }

  set({ speed = this.speed, net_speed = this.netSpeed, answer_ms = this.answerMs ?? 2000 }) {
    this.speed = speed;
    this.netSpeed = net_speed;
    this.answerMs = answer_ms;
  }

  settings() {
    return { speed: this.speed, net_speed: this.netSpeed, answer_ms: this.answerMs };
  }

  restart() {
    this.due = performance.now();
  }

  awaitsAnswer() {
    return performance.now() - this.tcp.askedAt < this.answerMs;
  }

  // Virtual ms for each real ms; Infinity = no limit. hurry: as if speed were 0.
  rate(waiting, hurry = false) {
    const speed = hurry ? Infinity : this.speed || Infinity;
    return waiting ? Math.min(speed, this.netSpeed || Infinity) : speed;
  }

  // Virtual ms of the next slice: short enough in real time to hear the host, and the peer while it is to answer.
  sliceMs(hurry) {
    if (this.awaitsAnswer()) return 20;
    return Math.round(Math.min(200, Math.max(20, this.rate(false, hurry) * 20)));
  }

  // Wait until `ms` of virtual time may have passed; one that is late does not hurry to catch up.
  keep(ms, hurry) {
    const waiting = this.awaitsAnswer();
    this.due += ms / this.rate(waiting, hurry);
    for (;;) {
      const left = this.due - performance.now();
      if (left < -50) this.restart();
      this.drain(Math.max(0, left));
      if (left <= 0.2 || (waiting && !this.awaitsAnswer())) return;
    }
  }

  // The firmware waits for its peer up to `ms`: the virtual ms that did pass.
  waitNetwork(ms, rung) {
    if (rung()) {
      this.drain(0);
      return 1;
    }
    const rate = this.rate(true);
    if (rate === Infinity) return ms;
    const began = performance.now();
    this.drain(ms / rate);
    this.restart();
    return Math.min(ms, Math.max(1, Math.round((performance.now() - began) * rate)));
  }
}
