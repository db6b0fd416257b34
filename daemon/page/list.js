/**
 * The list of torrents. Only the rows that can be seen are there, so that
 * thousands cost no more than a few.
 */
import { make } from "./dom.js";
import { percent, rate, ratio, size, span, stateOf } from "./format.js";

const ROW_HEIGHT = 58;
/** Rows beyond the edges. */
const SPARE = 6;

function makeRow() {
  const name = make("div", { className: "name" });
  const fill = make("div");
  const bar = make("div", { className: "bar" }, fill);
  const cells = ["state", "down", "up", "ratio wide", "size wide", "eta wide"]
    .map((className) => make("span", { className }));
  const cell = make(
    "div",
    { role: "gridcell" },
    name,
    bar,
    make("div", { className: "facts" }, ...cells),
  );
  const element = make("div", { className: "row", role: "row" }, cell);
  return { element, name, fill, cells, id: 0 };
}

export class List extends EventTarget {
  /** Ids that are chosen. */
  chosen = new Set();
  #box;
  #rows;
  #empty;
  #pool = [];
  #items = [];
  #here = 0;
  #anchor = 0;

  constructor(box, rows) {
    super();
    this.#box = box;
    this.#rows = rows;
    this.#empty = make("p", { className: "empty" });
    box.append(this.#empty);
    box.addEventListener("scroll", () => this.#draw(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    rows.addEventListener("click", (event) => this.#click(event));
    rows.addEventListener("dblclick", () => this.#tell("open"));
    new ResizeObserver(() => this.#draw()).observe(box);
  }

  /** The torrent that the keyboard is at. */
  get here() {
    return this.#items[this.#here];
  }

  /** Shows torrents. */
  show(items, emptyText) {
    const at = this.here?.id;
    this.#items = items;
    const index = items.findIndex(({ id }) => id === at);
    if (index >= 0) this.#here = index;
    this.#here = Math.max(0, Math.min(this.#here, items.length - 1));
    this.#empty.hidden = items.length > 0;
    this.#empty.textContent = emptyText;
    this.#rows.style.height = `${items.length * ROW_HEIGHT}px`;
    this.#box.setAttribute("aria-rowcount", String(items.length));
    this.#draw();
  }

  /** Forgets what is chosen and gone. */
  keepOnly(known) {
    for (const id of this.chosen) if (!known.has(id)) this.chosen.delete(id);
  }

  #draw() {
    const { scrollTop, clientHeight } = this.#box;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - SPARE);
    const last = Math.min(
      this.#items.length,
      Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + SPARE,
    );
    const count = Math.max(0, last - first);
    while (this.#pool.length < count) {
      const made = makeRow();
      this.#pool.push(made);
      this.#rows.append(made.element);
    }
    for (let i = 0; i < this.#pool.length; i++) {
      const row = this.#pool[i];
      row.element.hidden = i >= count;
      if (i < count) this.#fill(row, first + i);
    }
    const here = this.#pool.find(({ element, id }) =>
      !element.hidden && id === this.here?.id
    );
    if (here === undefined) this.#box.removeAttribute("aria-activedescendant");
    else this.#box.setAttribute("aria-activedescendant", here.element.id);
  }

  #fill(row, index) {
    const torrent = this.#items[index];
    const { element, name, fill, cells } = row;
    const isSeeding = torrent.status >= 5;
    row.id = torrent.id;
    element.id = `torrent-${torrent.id}`;
    element.style.top = `${index * ROW_HEIGHT}px`;
    element.className = [
      "row",
      torrent.error > 0 ? "error" : "",
      isSeeding ? "seeding" : "",
      index === this.#here ? "here" : "",
    ].filter(Boolean).join(" ");
    element.setAttribute("aria-rowindex", String(index + 1));
    element.setAttribute("aria-selected", String(this.chosen.has(torrent.id)));
    name.textContent = torrent.name;
    fill.style.width = `${100 * torrent.percent_done}%`;
    const texts = [
      `${stateOf(torrent)}, ${percent(torrent.percent_done)}`,
      torrent.rate_download > 0 ? `↓ ${rate(torrent.rate_download)}` : "",
      torrent.rate_upload > 0 ? `↑ ${rate(torrent.rate_upload)}` : "",
      `ratio ${ratio(torrent.upload_ratio)}`,
      size(torrent.size_when_done),
      torrent.eta > 0 ? span(torrent.eta) : "",
    ];
    texts.forEach((text, i) => {
      if (cells[i].textContent !== text) cells[i].textContent = text;
    });
  }

  #click(event) {
    const element = event.target.closest(".row");
    const id = this.#pool.find((row) => row.element === element)?.id;
    const index = this.#items.findIndex((torrent) => torrent.id === id);
    if (index < 0) return;
    if (event.shiftKey) this.#chooseTo(index);
    else if (event.ctrlKey || event.metaKey) this.#toggle(index);
    else this.#choose(index);
  }

  #choose(index) {
    this.#here = this.#anchor = index;
    this.chosen = new Set([this.#items[index].id]);
    this.#moved();
  }

  #toggle(index) {
    const { id } = this.#items[index];
    this.#here = this.#anchor = index;
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.#moved();
  }

  #chooseTo(index) {
    const [from, to] = [this.#anchor, index].sort((a, b) => a - b);
    this.#here = index;
    this.chosen = new Set(
      this.#items.slice(from, to + 1).map(({ id }) => id),
    );
    this.#moved();
  }

  #moved() {
    const top = this.#here * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.#box.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
    this.#draw();
    this.#tell("choose");
  }

  #key(event) {
    const last = this.#items.length - 1;
    if (last < 0) return;
    const page = Math.max(1, Math.floor(this.#box.clientHeight / ROW_HEIGHT));
    const target = {
      ArrowUp: this.#here - 1,
      ArrowDown: this.#here + 1,
      PageUp: this.#here - page,
      PageDown: this.#here + page,
      Home: 0,
      End: last,
    }[event.key];
    if (target !== undefined) {
      const index = Math.max(0, Math.min(last, target));
      if (event.shiftKey) this.#chooseTo(index);
      else this.#choose(index);
    } else if (event.key === " ") this.#toggle(this.#here);
    else if (event.key === "Enter") this.#tell("open");
    else if (event.key === "Delete") this.#tell("remove");
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      this.chosen = new Set(this.#items.map(({ id }) => id));
      this.#moved();
    } else return;
    event.preventDefault();
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
