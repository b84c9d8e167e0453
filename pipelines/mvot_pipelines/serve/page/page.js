"use strict";

// All texts from elsewhere (names of sources, classes, errors) are set as textContent, never as HTML.

const SILENCE_MS = 5000; // without a message, the connection is lost
const RETRY_MS = 3000;
const LABELS = {
  waiting: "Waiting for the first frame", running: "Running", stalled: "Stalled", ended: "Ended",
  failed: "Failed", lost: "Connection lost",
};

let events = null;
let watchdog = 0;
let kind = "waiting";

const find = (id) => document.getElementById(id);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setKind(next, notice) {
  kind = next;
  find("status").dataset.kind = kind;
  setText(find("status"), LABELS[kind] ?? kind);
  setText(find("notice"), notice);
  find("notice").hidden = notice === "";
  find("picture").classList.toggle("old", kind !== "running" && kind !== "waiting");
}

function describe(state) {
  switch (state.status) {
    case "stalled": return `No new frame for ${Math.round(state.age)} s.`;
    case "ended": return "The run has ended. This is its last picture.";
    case "failed": return `The run has failed: ${state.error}`;
    case "waiting": return "No frame has come yet.";
    default: return "";
  }
}

function watch() { // begin to load the picture; while nobody looks at the page, it is not drawn
  const video = find("video");
  if (document.hidden) video.removeAttribute("src");
  else video.src = `video.mjpeg?${Date.now()}`;
}

function connect() {
  events = new EventSource("events");
  events.onmessage = (message) => show(JSON.parse(message.data));
  events.onerror = lose;
  expectMessage();
}

function expectMessage() {
  clearTimeout(watchdog);
  watchdog = setTimeout(lose, SILENCE_MS);
}

function lose() {
  events.close();
  clearTimeout(watchdog);
  setKind("lost", "The connection is lost; trying again.");
  setTimeout(connect, RETRY_MS);
}

function show(state) {
  const isBack = kind === "lost"; // the picture may have stayed behind
  const hasEnded = state.status === "ended" || state.status === "failed";
  setKind(state.status, describe(state));
  if (hasEnded) {
    events.close();
    clearTimeout(watchdog);
  } else {
    expectMessage();
    if (state.frames > 0 && (isBack || !find("video").hasAttribute("src"))) watch();
  }
  setText(find("source"), state.source);
  document.title = `${state.source} - mvot`;
  for (const name of ["tracks_now", "tracks_total", "frames", "dropped", "detector_calls", "detector_failures"])
    setText(find(name), state[name].toLocaleString("en"));
  draw("fps", state.fps_history, state.fps, "frames per second", "");
  draw("latency", state.latency_history, state.latency_ms, "milliseconds of latency", " ms");
  fill(find("counts"), state.counts.map(countRow));
  find("counts").hidden = state.counts.length === 0;
  fill(find("tracks"), state.tracks.map(trackRow));
  const hidden = state.tracks_now - state.tracks.length;
  setText(find("more"), `and ${hidden} more`);
  find("more").hidden = hidden === 0;
}

function draw(name, values, now, what, unit) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(1, ...known);
  let line = "", area = "", before = null;
  values.forEach((value, index) => {
    const point = value === null ? null : [61 - values.length + index, 19 - 17 * value / top];
    if (point) line += `${before ? "L" : "M"}${point}`;
    if (point && before) area += `M${before[0]} 20L${before}L${point}L${point[0]} 20Z`;
    before = point;
  });
  const chart = find(`${name}-chart`);
  chart.querySelector(".line").setAttribute("d", line);
  chart.querySelector(".area").setAttribute("d", area);
  const text = now === null ? "–" : `${Math.round(now * 10) / 10}${unit}`;
  setText(find(name), text);
  setText(find(`${name}-top`), known.length ? `max ${Math.round(top)}${unit}` : "not known");
  const range = known.length ? `, from ${Math.min(...known)} to ${top} in the last minute` : "";
  chart.setAttribute("aria-label", now === null ? `No ${what} known` : `${now} ${what}${range}`);
}

const countRow = (count) => [
  { text: count.name },
  {
    text: count.kind === "line" ? `${count.in} in, ${count.out} out` : `${count.inside} inside, ${count.entered} in all`,
    isNumber: true,
  },
];

const trackRow = (track) => [
  { text: String(track.id), color: track.color },
  { text: track.class },
  { text: track.score === null ? "–" : track.score.toFixed(2), isNumber: true },
  { text: track.detected ? "detected" : "estimated" },
  { text: track.seconds === null ? "–" : `${track.seconds.toFixed(1)} s`, isNumber: true },
];

function fill(section, rows) {
  const body = section.querySelector("tbody");
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((cell, column) => fillCell(row.cells[column] ?? row.insertCell(), cell));
  });
}

function fillCell(element, { text, color, isNumber }) {
  element.className = isNumber ? "number" : "";
  if (!element.lastChild) {
    if (color) element.append(Object.assign(document.createElement("span"), { className: "swatch" }));
    element.append("");
  }
  if (color) element.firstChild.style.backgroundColor = color;
  if (element.lastChild.data !== text) element.lastChild.data = text;
}

find("video").onerror = () => setTimeout(() => { if (kind === "running") watch(); }, RETRY_MS);
document.addEventListener("visibilitychange", () => { if (kind === "running" || kind === "stalled") watch(); });
connect();
