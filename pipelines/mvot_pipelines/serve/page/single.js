// The view of one stream: its picture, charts, counts and tracks.

import { RETRY_MS, find, formatCount, hasEnded, setNotice, setStatus, setText } from "./texts.js";

let kind = "waiting";
let key = "";

export function showSingle(stream, { isBack, noun }) {
  key = stream.key;
  setKind(stream.status, describe(stream, noun));
  setStatus(kind);
  const isDue = (isBack && !hasEnded(stream)) || !find("video").hasAttribute("src");
  if (stream.frames > 0 && isDue) watch();
  setText(find("source"), stream.name);
  document.title = `${stream.name} - mvot`;
  for (const name of ["tracks_now", "tracks_total", "frames", "dropped", "detector_calls", "detector_failures"])
    setText(find(name), stream[name].toLocaleString("en"));
  draw("fps", stream.fps_history, stream.fps, "frames per second", "");
  draw("latency", stream.latency_history, stream.latency_ms, "milliseconds of latency", " ms");
  fill(find("counts"), stream.counts.map(countRow));
  find("counts").hidden = stream.counts.length === 0;
  fill(find("tracks"), stream.tracks.map(trackRow));
  const hidden = stream.tracks_now - stream.tracks.length;
  setText(find("more"), `and ${hidden} more`);
  find("more").hidden = hidden === 0;
}

export function loseSingle() {
  setKind("lost", "The connection is lost; trying again.");
}

export function leaveSingle() { // its picture need not be drawn any longer
  find("video").removeAttribute("src");
}

function setKind(next, notice) {
  kind = next;
  setNotice(find("notice"), notice);
  find("picture").classList.toggle("old", kind !== "running" && kind !== "waiting");
}

function describe(stream, noun) {
  switch (stream.status) {
    case "stalled": return `No new frame for ${Math.round(stream.age)} s.`;
    case "ended": return `The ${noun} has ended. This is its last picture.`;
    case "failed": return `The ${noun} has failed: ${stream.error}`;
    case "waiting": return "No frame has come yet.";
    default: return "";
  }
}

function watch() { // begin to load the picture; while nobody looks at the page, it is not drawn
  const video = find("video");
  const query = `?stream=${key}&t=${Date.now()}`;
  if (kind === "ended" || kind === "failed") video.src = `snapshot.jpg${query}`;
  else if (document.hidden) video.removeAttribute("src");
  else video.src = `video.mjpeg${query}`;
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

const countRow = (count) => [{ text: count.name }, { text: formatCount(count), isNumber: true }];

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

find("video").onerror = () => {
  if (kind === "ended" || kind === "failed") leaveSingle();
  else setTimeout(() => { if (kind === "running") watch(); }, RETRY_MS);
};
document.addEventListener("visibilitychange", () => {
  if (!find("single").hidden && (kind === "running" || kind === "stalled")) watch();
});
