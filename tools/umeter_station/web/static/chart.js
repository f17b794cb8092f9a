// Charts: columns of integers from the station, drawn by uPlot. The page has the same as a table.
"use strict";

(() => {
  const HEIGHT = 240;
  // The least that the upright axis spans, so that nothing at all is drawn as that.
  const LEAST = { energy: 100, power: 1000, current: 100 };
  const UNITS = { energy: [1000, "kWh"], power: [10, "W"], voltage: [10, "V"], current: [1000, "A"] };
  const colour = (name) => {
    // A colour that is a pair of light and dark is resolved only where something is drawn in it.
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  function words(data) {
    const { lang, currency } = data.words;
    const zone = data.zone;
    const form = (options) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...options });
    const number = (digits) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits, minimumFractionDigits: digits });
    const short = data.step === "month" ? { month: "short" } : data.step === "day" ? { day: "numeric", month: "short" } : null;
    const clock = form({ hour: "2-digit", minute: "2-digit" });
    const day = form({ day: "numeric", month: "short" });
    return {
      money: new Intl.NumberFormat(lang, { style: "currency", currency }),
      kwh: (wh) => `${number(2).format(wh / 1000)} kWh`,
      value: (v) => {
        const [scale, unit] = UNITS[data.kind];
        return `${number(data.kind === "power" ? 0 : 1).format(v / scale)} ${unit}`;
      },
      // At the upright axis: as many digits as tell each line from the next, and are true.
      level: (v, step) => {
        const [scale, unit] = UNITS[data.kind];
        let digits = 0;
        while (digits < 3 && Math.round(step * 10 ** digits) % scale) digits += 1;
        return `${number(digits).format(v / scale)} ${unit}`;
      },
      // A day where one begins, else the time.
      tick: (s) => {
        const at = new Date(s * 1000);
        if (short) return form(short).format(at);
        return clock.format(at) === clock.format(new Date(midnight(s, form) * 1000)) ? day.format(at) : clock.format(at);
      },
      full: (s) => form(data.step === "month" ? { month: "long", year: "numeric" } : data.step === "day" ? { weekday: "short", day: "numeric", month: "long", year: "numeric" } : { dateStyle: "medium", timeStyle: "short" }).format(new Date(s * 1000)),
    };
  }

  function midnight(s, form) {
    const parts = form({ hour: "numeric", minute: "numeric", hourCycle: "h23" }).formatToParts(new Date(s * 1000));
    const of = (type) => Number(parts.find((part) => part.type === type).value);
    return s - (of("hour") * 60 + of("minute")) * 60 - (s % 60);
  }

  // Bars of rates stand on each other: each series is the sum of itself and those below.
  function stacked(data) {
    if (!data.rates.length) return [data.wh];
    const found = [];
    let below = data.t.map(() => 0);
    for (const rate of data.rates) {
      below = rate.map((wh, i) => (wh === null ? null : wh + below[i]));
      found.push(below);
    }
    return found.reverse();
  }

  function energyOptions(data) {
    const count = data.rates.length || 1;
    const bars = uPlot.paths.bars({ size: [0.82, 64], align: 1, radius: 0.06 });
    const series = [...Array(count).keys()].reverse().map((rate) => ({
      fill: colour(`--rate-${rate + 1}`),
      stroke: colour(`--rate-${rate + 1}`),
      width: 0,
      paths: bars,
      points: { show: false },
    }));
    return { series, columns: stacked(data), range: [data.t[0], data.end] };
  }

  function lineOptions(data) {
    const main = colour("--rate-1");
    const faint = colour("--chart-line");
    const spline = uPlot.paths.linear();
    // A value between two gaps is no line; it is there all the same.
    const alone = data.value.flatMap((v, i) => (v !== null && (data.value[i - 1] ?? data.value[i + 1] ?? null) === null ? [i] : []));
    return {
      series: [
        { stroke: faint, width: 1, paths: spline, points: { show: false } },
        { stroke: main, width: 2, paths: spline, points: { show: alone.length > 0, size: 4, fill: main, filter: () => alone }, fill: data.kind === "power" ? colour("--chart-fill") : undefined },
      ],
      columns: [data.high, data.value],
      range: [data.from, data.end],
    };
  }

  // Behind the bars: the time without supply, and without mains.
  function bands(u, data) {
    const { ctx, bbox } = u;
    const { kind, t, until } = data.marks;
    t.forEach((from, i) => {
      if (kind[i] === "top-up") return;
      const x0 = u.valToPos(Math.max(from, u.scales.x.min), "x", true);
      const x1 = u.valToPos(Math.min(until[i] ?? Infinity, u.scales.x.max, Math.max(Date.now() / 1000, from)), "x", true);
      ctx.fillStyle = colour(kind[i] === "cut" ? "--chart-cut" : "--chart-dark");
      ctx.fillRect(x0, bbox.top, Math.max(x1 - x0, 2), bbox.height);
    });
  }

  // Before them: hatching where the meter estimated, triangles where money came in.
  function signs(u, data) {
    const { ctx, bbox } = u;
    const size = 6 * devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = colour("--card");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const i of [...(data.estimated ?? []), ...(data.partial ?? [])]) {
      const x0 = u.valToPos(data.t[i], "x", true);
      const next = data.t[i + 1] ?? data.end;
      const x1 = x0 + (u.valToPos(next, "x", true) - x0) * 0.82;
      const y0 = u.valToPos(data.wh[i] ?? 0, "y", true);
      ctx.beginPath();
      for (let y = bbox.top + bbox.height + (x1 - x0); y > y0; y -= size) {
        ctx.moveTo(x0, y);
        ctx.lineTo(x1, y - (x1 - x0));
      }
      ctx.save();
      const clip = new Path2D();
      clip.rect(x0, y0, x1 - x0, bbox.top + bbox.height - y0);
      ctx.clip(clip);
      ctx.stroke();
      ctx.restore();
    }
    ctx.fillStyle = colour("--good");
    const { kind, t } = data.marks;
    t.forEach((at, i) => {
      if (kind[i] !== "top-up") return;
      const x = u.valToPos(at, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + size * 1.6);
      ctx.lineTo(x - size, bbox.top);
      ctx.lineTo(x + size, bbox.top);
      ctx.fill();
    });
    ctx.restore();
  }

  // What the pointer stands at, in one line.
  function sentence(data, say, i) {
    if (i === null || i === undefined) return "";
    const { words: w } = data;
    const said = [];
    if (data.kind === "energy") {
      said.push(data.wh[i] === null ? w.none : say.kwh(data.wh[i]));
      data.rates.forEach((rate, n) => rate[i] && said.push(`${w.rate} ${n + 1}: ${say.kwh(rate[i])}`));
      const cost = data.cost_u?.[i];
      if (typeof cost === "number") said.push(say.money.format(cost / 1e6));
      if (data.estimated.includes(i)) said.push(w.estimated);
      if (data.partial.includes(i)) said.push(w.partial);
    } else {
      said.push(data.value[i] === null ? w.none : say.value(data.value[i]));
      if (data.high[i] !== null && data.high[i] !== data.value[i]) said.push(`${w.highest} ${say.value(data.high[i])}`);
    }
    const from = data.t[i];
    const end = data.t[i + 1] ?? data.end;
    const { t, until, text, texts } = data.marks;
    const here = t.map((at, n) => (at < end && (until[n] ?? at) >= from ? texts[text[n]] : null));
    return `${say.full(from)} · ${[...said, ...new Set(here.filter(Boolean))].join(" · ")}`;
  }

  // What the colours and signs mean, of those that are there.
  function key(data) {
    const { words: w, marks, rates = [] } = data;
    const square = '<rect width="10" height="10" rx="2"/>';
    const list = document.createElement("ul");
    list.className = "chart-key";
    const add = (shape, name, text) => {
      const item = document.createElement("li");
      item.innerHTML = `<svg viewBox="0 0 10 10" aria-hidden="true">${shape}</svg>`;
      item.firstChild.setAttribute("fill", colour(name));
      item.firstChild.setAttribute("stroke", colour("--card"));
      item.append(text);
      list.append(item);
    };
    rates.forEach((_, n) => add(square, `--rate-${n + 1}`, `${w.rate} ${n + 1}`));
    const hatched = `${square}<path d="M0 6L6 0M1 10L10 1M6 10L10 6"/>`;
    if (data.estimated?.length) add(hatched, "--rate-1", w.estimated);
    if (data.partial?.length) add(hatched, "--rate-1", w.partial);
    if (marks.kind.includes("top-up")) add('<path d="M0 0H10L5 9z"/>', "--good", w.top_up);
    if (marks.kind.includes("cut")) add(square, "--chart-cut", w.cut);
    if (marks.kind.includes("dark")) add(square, "--chart-dark", w.dark);
    return list;
  }

  function draw(place, data) {
    const say = words(data);
    const told = data.kind === "energy" ? energyOptions(data) : lineOptions(data);
    const said = document.createElement("p");
    said.className = "chart-said";
    place.umeterPlot?.destroy();
    place.replaceChildren();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--chart-line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), data.zone),
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false }, points: { show: data.kind !== "energy" } },
      scales: { x: { range: told.range }, y: { range: (u, low, high) => (data.kind === "voltage" ? [low - 20, high + 20] : [0, Math.max(high * 1.12, LEAST[data.kind])]) } },
      axes: [
        { ...axis, grid: { show: false }, values: (u, splits) => splits.map(say.tick), space: 64, size: 34 },
        { ...axis, values: (u, splits) => splits.map((v) => say.level(v, splits[1] - splits[0])), size: 72 },
      ],
      series: [{}, ...told.series],
      hooks: {
        drawClear: [(u) => bands(u, data)],
        draw: [(u) => signs(u, data)],
        setCursor: [(u) => {
          // A bar stands for the time from its moment on.
          const i = u.cursor.left < 0 ? null : data.kind === "energy" ? uPlotIndex(data, u.posToVal(u.cursor.left, "x")) : u.cursor.idx;
          said.textContent = sentence(data, say, i);
        }],
      },
    };
    place.umeterPlot = new uPlot(options, [data.t, ...told.columns], place);
    place.append(key(data), said);
  }

  function uPlotIndex(data, at) {
    let i = data.t.length - 1;
    while (i > 0 && data.t[i] > at) i -= 1;
    return i;
  }

  async function load(place) {
    try {
      const answer = await fetch(place.dataset.chart, { headers: { Accept: "application/json" } });
      if (!answer.ok || !answer.headers.get("Content-Type")?.includes("json")) throw new Error(String(answer.status));
      place.umeterData = await answer.json();
      place.classList.remove("failed");
      draw(place, place.umeterData);
    } catch (error) {
      // What was drawn before stays; else the table says it all.
      if (!place.umeterPlot) {
        place.classList.add("failed");
        const table = place.parentElement.querySelector("details");
        if (table) table.open = true;
      }
    }
  }

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const plot = target.umeterPlot;
      if (plot && plot.width !== target.clientWidth) plot.setSize({ width: target.clientWidth, height: HEIGHT });
    }
  });

  function look() {
    for (const place of document.querySelectorAll("[data-chart]")) {
      if (place.umeterSeen) continue;
      place.umeterSeen = true;
      sizes.observe(place);
      load(place);
      const againS = Number(place.dataset.again);
      if (againS) {
        const timer = setInterval(() => {
          if (!place.isConnected) clearInterval(timer);
          else if (!document.hidden) load(place);
        }, againS * 1000);
      }
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const place of document.querySelectorAll("[data-chart]")) {
      if (place.umeterData) draw(place, place.umeterData);
    }
  });
  document.addEventListener("umeter:part", look);
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
