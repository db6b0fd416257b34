/** The page: joins list, details and windows. */
import { byId, make } from "./dom.js";
import { Details } from "./details.js";
import {
  addTorrents,
  removeTorrents,
  showSession,
  showSettings,
} from "./dialogs.js";
import { rate } from "./format.js";
import { List } from "./list.js";
import { call } from "./rpc.js";
import { Store } from "./store.js";

const store = new Store();
const list = new List(byId("list"), byId("rows"));
const details = new Details(byId("details"), store);

/** What is chosen; what the keyboard is at when nothing is. */
function chosen() {
  return [...list.chosen];
}

function tell(error) {
  store.note(undefined, error.message);
  const banner = byId("banner");
  banner.textContent = error.message;
  banner.hidden = false;
  setTimeout(draw, 5000);
}

async function act(method, ids) {
  if (ids.length === 0) return;
  try {
    await call(method, { ids });
    await store.ask();
  } catch (error) {
    tell(error);
  }
}

function drawLabels() {
  const select = byId("label");
  const labels = store.labels();
  const wanted = ["", ...labels].join("\n");
  if (select.dataset.labels === wanted) return;
  select.dataset.labels = wanted;
  select.replaceChildren(
    make("option", { value: "" }, "Any label"),
    ...labels.map((label) => make("option", { value: label }, label)),
  );
  if (!labels.includes(store.label)) store.label = "";
  select.value = store.label;
}

function draw() {
  drawLabels();
  const shown = store.shown();
  list.keepOnly(store.all);
  list.show(
    shown,
    store.all.size === 0
      ? "No torrents yet. Add one, or drop a file or a link here."
      : "No matches.",
  );
  const banner = byId("banner");
  banner.hidden = store.trouble === "";
  banner.textContent = store.trouble;
  const some = list.chosen.size > 0;
  for (const id of ["start", "stop", "remove", "more"]) {
    byId(id).disabled = !some;
  }
  byId("count").textContent = [
    `${
      shown.length === store.all.size ? "" : `${shown.length} of `
    }${store.all.size} torrents`,
    some ? `${list.chosen.size} chosen` : "",
  ].filter(Boolean).join(", ");
  const { stats } = store;
  byId("rates").textContent = stats === undefined
    ? ""
    : `↓ ${rate(stats.download_speed) || "0"}  ↑ ${
      rate(stats.upload_speed) || "0"
    }`;
}

store.addEventListener("change", draw);
list.addEventListener("choose", () => {
  if (details.isOpen && list.here) details.open(list.here.id);
  draw();
});
list.addEventListener("open", () => list.here && details.open(list.here.id));
list.addEventListener("remove", () => remove());

async function remove() {
  const ids = chosen();
  if (ids.length > 0) await removeTorrents(store, ids).catch(tell);
}

const add = (what) => addTorrents(store, what).catch(tell);

byId("add").addEventListener("click", () => add());
byId("start").addEventListener("click", () => act("torrent_start", chosen()));
byId("stop").addEventListener("click", () => act("torrent_stop", chosen()));
byId("remove").addEventListener("click", () => remove());
const menu = byId("menu");
const items = [...menu.querySelectorAll("button")];
menu.addEventListener("beforetoggle", () => {
  const { bottom, left } = byId("more").getBoundingClientRect();
  menu.style.top = `${bottom + 4}px`;
  menu.style.left = `${Math.max(4, Math.min(left, innerWidth - 220))}px`;
});
menu.addEventListener("toggle", ({ newState }) => {
  if (newState === "open") items[0].focus();
});
menu.addEventListener("keydown", (event) => {
  const at = items.indexOf(document.activeElement);
  const next = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (next === undefined) return;
  items[(next + items.length) % items.length].focus();
  event.preventDefault();
});
menu.addEventListener("click", ({ target }) => {
  const method = target.dataset.call;
  if (method === undefined) return;
  menu.hidePopover();
  act(method, chosen());
});
byId("session").addEventListener("click", () => showSession(store));
byId("settings").addEventListener("click", () => showSettings().catch(tell));

for (const name of ["search", "filter", "label", "sort"]) {
  byId(name).addEventListener("input", ({ target }) => {
    store[name] = target.value;
    draw();
  });
}
byId("reverse").addEventListener("click", ({ target }) => {
  store.isReversed = !store.isReversed;
  target.setAttribute("aria-pressed", String(store.isReversed));
  target.textContent = store.isReversed ? "↑" : "↓";
  draw();
});

/** Whether a window is open, or somebody writes. */
function isBusy(event) {
  return document.querySelector("dialog, :popover-open") !== null ||
    event.target instanceof Element &&
      event.target.matches("input, textarea, select");
}

document.addEventListener("keydown", (event) => {
  if (isBusy(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") byId("search").focus();
  else if (event.key === "+") add();
  else if (event.key === "Escape" && details.isOpen) details.close();
  else return;
  event.preventDefault();
});

document.addEventListener("paste", (event) => {
  if (isBusy(event)) return;
  const files = [...event.clipboardData.files];
  const text = event.clipboardData.getData("text");
  if (files.length > 0 || text !== "") add({ files, text });
});

let depth = 0;
const setDepth = (value) => {
  depth = Math.max(0, value);
  byId("drop").hidden = depth === 0;
};
document.addEventListener("dragenter", () => setDepth(depth + 1));
document.addEventListener("dragleave", () => setDepth(depth - 1));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  setDepth(0);
  const files = [...event.dataTransfer.files];
  const text = event.dataTransfer.getData("text/uri-list") ||
    event.dataTransfer.getData("text");
  if (files.length > 0 || text !== "") add({ files, text });
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) store.ask();
});

store.ask();
