/** Elements. Text is only ever set as text: nothing of a torrent is markup. */

/**
 * Makes an element: properties by name, `class`, `role` and `aria-…` as
 * attributes; children are elements and texts.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** A row of a table, its cells texts or elements; numbers stand to the right. */
export function row(cells, tag = "td") {
  return make(
    "tr",
    {},
    ...cells.map((cell) =>
      make(
        tag,
        {
          className: typeof cell === "number" ? "number" : "",
          ...(tag === "th" ? { scope: "col" } : {}),
        },
        typeof cell === "number" ? String(cell) : cell,
      )
    ),
  );
}

/** A table with a heading for each column. */
export function table(label, heads, rows) {
  return make(
    "table",
    { "aria-label": label },
    make("thead", {}, row(heads, "th")),
    make("tbody", {}, ...rows.map((cells) => row(cells))),
  );
}

/** Names and what they stand for. */
export function facts(pairs) {
  return make(
    "dl",
    {},
    ...pairs.filter(([, value]) => value !== "").flatMap(([name, value]) => [
      make("dt", {}, name),
      make("dd", {}, value),
    ]),
  );
}
