// What pages do beyond their HTML. Without it everything still works, only less lively.
"use strict";

// A form that must not be sent twice. Its key would have the second one do nothing anyway.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});

// A page that comes back out of the browser's memory can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

// A choice that takes effect at once; without scripts there is a button beside it.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Amounts to choose from fill the field that they belong to.
document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-fill]");
  if (chip) {
    const field = document.getElementById(chip.dataset.fill);
    field.value = chip.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  if (event.target.closest("[data-print]")) window.print();
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A row that scrolls sideways shows which of its entries is open. Only sideways: a page may have
// been opened at a place further down.
for (const entry of document.querySelectorAll(":is(.tabs, .main-nav) [aria-current]")) {
  const row = entry.closest(".tabs, .main-nav");
  const [inner, outer] = [entry.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
}

// On a phone a table that is too wide has its rows one below the other; without scripts it scrolls.
const phone = matchMedia("(max-width: 40rem)");

function fold() {
  if (!phone.matches) return;
  for (const table of document.querySelectorAll(".table > table:not(.stacked, .folded)")) {
    if (!table.tHead || table.scrollWidth <= table.parentElement.clientWidth) continue;
    const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
    for (const row of [...table.tBodies].flatMap((body) => [...body.rows])) {
      [...row.cells].forEach((cell, i) => {
        if (heads[i] && cell.colSpan === 1) cell.dataset.label = heads[i];
      });
    }
    table.classList.add("folded");
  }
}

for (const event of ["umeter:part", "htmx:afterSettle"]) document.addEventListener(event, fold);
phone.addEventListener("change", fold);
fold();

// Live parts, while they can be seen.
const streams = new Map();
const offline = document.querySelector("[data-offline]");
const offlineText = offline ? offline.textContent : "";
let heardAt = new Date();

function tell(isLost) {
  if (!offline || offline.hidden === !isLost) return;
  offline.textContent = offlineText.replace("\u2007", heardAt.toLocaleTimeString());
  offline.hidden = !isLost;
}

// What somebody types in, or has opened, is not taken away from under the hand.
const held = new Map();
const opened = "details[open]:not(.menu), :is(input, textarea, select):focus";

function show(place, change) {
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const ticked = new Set([...place.querySelectorAll("input:checked")].map((box) => box.value));
  change();
  if (ticked.size) {
    for (const box of place.querySelectorAll("input[type=checkbox]")) box.checked = ticked.has(box.value);
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (window.htmx) window.htmx.process(place);
  place.dispatchEvent(new CustomEvent("umeter:part", { bubbles: true }));
}

function whole(place, html) {
  if (place.querySelector(opened)) held.set(place, html);
  else show(place, () => { place.innerHTML = html; });
}

function release() {
  for (const [place, html] of held) {
    if (place.querySelector(opened)) continue;
    held.delete(place);
    if (place.isConnected) show(place, () => { place.innerHTML = html; });
  }
}

document.addEventListener("focusout", () => setTimeout(release));
document.addEventListener("toggle", release, true);

// A part of many pieces: each has the id of what it takes the place of.
function pieces(place, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  show(place, () => {
    for (const piece of [...made.content.children]) {
      const before = document.getElementById(piece.id);
      if (!before) return location.reload();
      before.replaceWith(piece);
    }
  });
}

function open(place) {
  const source = new EventSource(place.dataset.live);
  for (const [name, change] of [["part", whole], ["pieces", pieces]]) {
    source.addEventListener(name, (event) => {
      heardAt = new Date();
      // What was under way when the network went may still arrive.
      tell(!navigator.onLine);
      change(place, event.data);
    });
  }
  source.addEventListener("alive", () => {
    heardAt = new Date();
    tell(!navigator.onLine);
  });
  source.addEventListener("gone", () => {
    source.close();
    location.reload();
  });
  source.addEventListener("error", () => {
    tell(true);
    // After an answer that is no stream a browser does not ask again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => reopen(place), 3000);
  });
  streams.set(place, source);
}

function reopen(place) {
  if (streams.has(place) && !document.hidden) open(place);
}

function look() {
  for (const [place, source] of streams) {
    if (document.hidden || !place.isConnected) {
      source.close();
      streams.delete(place);
    }
  }
  if (document.hidden) return;
  for (const place of document.querySelectorAll("[data-live]")) {
    if (!streams.has(place)) open(place);
  }
}

document.addEventListener("visibilitychange", look);
document.addEventListener("htmx:afterSettle", look);
window.addEventListener("pagehide", () => {
  for (const source of streams.values()) source.close();
  streams.clear();
});
window.addEventListener("offline", () => tell(true));
look();
