// The view of several streams: a tile for each, and totals.

import { LABELS, RETRY_MS, find, formatCount, setNotice, setStatus, setText } from "./texts.js";

// Browsers open six connections at most: one has the numbers, and one stays free. So pictures are
// fetched one by one, tile after tile, and only of those that can be seen.
const MOST_LOADING = 4;
const INTERVAL_MS = 250; // between two pictures of a tile
const LOAD_MS = 16; // between two pictures of any tiles, on average: the server's work stays bounded
const PATIENCE_MS = 10_000;
const SMALL = 480, LARGE = 960; // widths of pictures, in pixels

const GAP = 12, NARROW = 640, LEAST_WIDTH = 280; // in pixels of the page
const ORDER = ["running", "waiting", "stalled", "failed", "ended"]; // the first that there is, names all

const tiles = new Map(); // by the keys of the streams
let loading = 0;
let timer = 0;
let added = 0;

export function showGrid(streams) {
  document.body.classList.add("wide");
  const keys = new Set(streams.map((stream) => stream.key));
  for (const [key, tile] of tiles) if (!keys.has(key)) remove(key, tile);
  streams.forEach((stream, place) => {
    const tile = tiles.get(stream.key) ?? addTile(stream);
    const before = find("grid").children[place] ?? null;
    if (before !== tile.element) find("grid").insertBefore(tile.element, before);
    showTile(tile, stream);
  });
  showTotals(streams);
  arrange();
  loadNext();
}

export function leaveGrid() {
  document.body.classList.remove("wide");
}

function addTile(stream) {
  const element = find("tile").content.firstElementChild.cloneNode(true);
  const tile = { element, due: 0, frames: 0, isLoading: false, isSeen: false };
  element.id = `tile-${added += 1}`;
  element.href = `?stream=${stream.key}`;
  setText(element.querySelector(".name"), stream.name);
  element.querySelector(".name").title = stream.name;
  tiles.set(stream.key, tile);
  sight.observe(element);
  return tile;
}

function remove(key, tile) {
  sight.unobserve(tile.element);
  tile.element.remove();
  tiles.delete(key);
}

function showTile(tile, stream) {
  const part = (name) => tile.element.querySelector(`.${name}`);
  tile.stream = stream;
  tile.element.dataset.kind = stream.status;
  setText(part("status"), stream.status === "waiting" ? "Waiting" : LABELS[stream.status]);
  setNotice(part("notice"), describe(stream));
  part("notice").title = part("notice").textContent;
  setText(part("tracks"), stream.tracks_now.toLocaleString("en"));
  setText(part("noun"), stream.tracks_now === 1 ? "track" : "tracks");
  setText(part("fps"), format(stream.fps));
  setText(part("latency"), format(stream.latency_ms));
  part("latency").parentElement.hidden = stream.latency_ms === null;
  setNotice(part("counts"), stream.counts.map((count) => `${count.name}: ${formatCount(count)}`).join(" · "));
  part("counts").title = part("counts").textContent;
}

const format = (value) => (value === null ? "–" : value.toFixed(value > 0 && value < 9.95 ? 1 : 0));

function describe(stream) {
  if (stream.status === "stalled") return `No ${stream.frames ? "new " : ""}frame for ${Math.round(stream.age)} s`;
  return stream.status === "failed" ? stream.error : "";
}

function showTotals(streams) {
  const count = (kind) => streams.filter((stream) => stream.status === kind).length;
  const running = streams.filter((stream) => stream.status === "running");
  const sum = (name) => running.reduce((total, stream) => total + (stream[name] ?? 0), 0);
  const text = `${running.length} of ${streams.length} running`;
  setStatus(ORDER.find(count) ?? "waiting", streams.length ? text : "No stream yet");
  setText(find("source"), `${streams.length} streams`);
  document.title = `${text} - mvot`;
  setText(find("totals"), `${format(sum("fps"))} frames per second, ${sum("tracks_now").toLocaleString("en")} tracks now`);
  for (const link of find("alerts").children) {
    const { kind } = link.dataset;
    const first = streams.find((stream) => stream.status === kind);
    link.hidden = first === undefined;
    setText(link, `${count(kind)} ${kind}`);
    if (first) link.href = `#${tiles.get(first.key).element.id}`;
  }
}

function arrange() { // make tiles as large as the window shows all of; where they get small, let it scroll
  const grid = find("grid");
  const count = tiles.size;
  const height = window.innerHeight - grid.getBoundingClientRect().top - window.scrollY - GAP;
  const width = document.documentElement.clientWidth - 2 * GAP;
  const about = Math.max(0, ...Array.from(grid.children, measureAbout));
  let columns = 0, best = LEAST_WIDTH;
  for (let tried = 1; tried <= count; tried += 1) {
    const rows = Math.ceil(count / tried);
    const across = (width - GAP * (tried - 1)) / tried;
    const down = ((height - GAP * (rows - 1)) / rows - about) * 16 / 9;
    if (Math.min(across, down) > best) [columns, best] = [tried, Math.min(across, down)];
  }
  const fits = columns > 0 && width > NARROW;
  if (width <= NARROW) columns = count < 4 ? 1 : 2;
  else if (!fits) columns = Math.min(count, Math.floor((width + GAP) / (LEAST_WIDTH + GAP)));
  grid.style.setProperty("--columns", Math.max(1, columns));
  const all = fits ? `${Math.floor(columns * best + (columns - 1) * GAP + 2 * GAP)}px` : "none";
  document.body.style.setProperty("--width", all);
}

const measureAbout = (element) =>
  element.querySelector(".about").offsetHeight + element.offsetHeight - element.clientHeight;

function loadNext() {
  clearTimeout(timer);
  if (find("grid").hidden || document.hidden) return;
  const now = performance.now();
  const waiting = [...tiles.values()].filter(isWanted).sort((one, other) => one.due - other.due);
  while (waiting.length && waiting[0].due <= now && loading < MOST_LOADING) load(waiting.shift());
  if (waiting.length && loading < MOST_LOADING) timer = setTimeout(loadNext, waiting[0].due - now);
}

const isWanted = (tile) =>
  tile.isSeen && !tile.isLoading && (tile.stream.status === "running" || tile.stream.frames !== tile.frames);

async function load(tile) {
  const seen = [...tiles.values()].filter((one) => one.isSeen).length;
  const isLarge = seen <= 9 && tile.element.clientWidth * Math.min(2, devicePixelRatio) > 1.3 * SMALL;
  const { key, frames } = tile.stream;
  const image = new Image();
  const patience = setTimeout(() => image.removeAttribute("src"), PATIENCE_MS);
  [tile.isLoading, loading] = [true, loading + 1];
  tile.due = performance.now() + Math.max(INTERVAL_MS, seen * LOAD_MS);
  image.src = `snapshot.jpg?stream=${key}&width=${isLarge ? LARGE : SMALL}&t=${Date.now()}`;
  image.alt = "";
  try {
    await image.decode(); // the one before stays until this one can be shown
    tile.element.querySelector("img").replaceWith(image);
    tile.frames = frames;
  } catch {
    tile.due += RETRY_MS;
  }
  clearTimeout(patience);
  [tile.isLoading, loading] = [false, loading - 1];
  loadNext();
}

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries)
    for (const tile of tiles.values()) if (tile.element === target) tile.isSeen = isIntersecting;
  loadNext();
}, { rootMargin: "100px" });

document.addEventListener("visibilitychange", loadNext);
window.addEventListener("resize", arrange);
