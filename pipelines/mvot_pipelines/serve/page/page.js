// Follows the numbers, and shows one stream, or a tile for each.

import { leaveGrid, showGrid } from "./grid.js";
import { leaveSingle, loseSingle, showSingle } from "./single.js";
import { RETRY_MS, find, hasEnded, setStatus, setText } from "./texts.js";

const SILENCE_MS = 5000; // without a message, the connection is lost

// The name of a stream stays encoded as the server wrote it: it need not be valid UTF-8.
const asked = /[?&]stream=([^&]*)/.exec(location.search)?.[1];

let events = null;
let watchdog = 0;
let isLost = false;

function connect() {
  events = new EventSource(asked === undefined ? "events" : `events?stream=${asked}`);
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
  isLost = true;
  document.body.classList.add("lost");
  setStatus("lost");
  loseSingle();
  setTimeout(connect, RETRY_MS);
}

function show(message) {
  const isBack = isLost; // pictures may have stayed behind
  isLost = false;
  document.body.classList.remove("lost");
  const { streams, stream } = message;
  if (message.has_ended && streams.every(hasEnded)) {
    events.close();
    clearTimeout(watchdog);
  } else {
    expectMessage();
  }
  const isGrid = asked === undefined && streams.length !== 1;
  find("single").hidden = isGrid || stream === null;
  for (const id of ["grid", "alerts", "totals"]) find(id).hidden = !isGrid;
  find("back").hidden = isGrid || (stream !== null && streams.length < 2);
  if (isGrid || stream === null) leaveSingle();
  if (!isGrid) leaveGrid();
  if (isGrid) showGrid(streams);
  else if (stream === null) showMissing();
  else showSingle(stream, { isBack, noun: streams.length > 1 ? "stream" : "run" });
}

function showMissing() {
  setStatus("missing");
  setText(find("source"), "There is no stream of this name");
  document.title = "mvot";
}

connect();
