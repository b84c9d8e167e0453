// What all views have in common. All texts from elsewhere (names of streams, classes, errors) are set
// as textContent, never as HTML.

export const RETRY_MS = 3000;

export const LABELS = {
  waiting: "Waiting for the first frame", running: "Running", stalled: "Stalled", ended: "Ended",
  failed: "Failed", lost: "Connection lost", missing: "Not found",
};

export const find = (id) => document.getElementById(id);

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setNotice(element, text) {
  setText(element, text);
  element.hidden = text === "";
}

export function setStatus(kind, text = LABELS[kind]) {
  find("status").dataset.kind = kind;
  setText(find("status"), text);
}

export const hasEnded = (stream) => stream.status === "ended" || stream.status === "failed";

export const formatCount = (count) =>
  count.kind === "line" ? `${count.in} in, ${count.out} out` : `${count.inside} inside, ${count.entered} in all`;
