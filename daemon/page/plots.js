/** Drawings: pieces, and rates over time. */

/** Makes a canvas as sharp as the screen; returns its context and size. */
function prepare(canvas, height) {
  const width = canvas.clientWidth || 300;
  const scale = globalThis.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * The colour as a canvas takes it: an element works out what a variable is in
 * light and in dark.
 */
function paint(canvas, name) {
  canvas.style.color = `var(${name})`;
  return getComputedStyle(canvas).color || colour(name);
}

/** Draws which pieces are there: `pieces` is a bit field in base64. */
export function drawPieces(canvas, pieces, count) {
  const columns = Math.max(1, Math.floor((canvas.clientWidth || 300) / 7));
  const cells = Math.min(count, columns * 12);
  const rows = Math.max(1, Math.ceil(cells / columns));
  const { context } = prepare(canvas, rows * 7);
  const bits = Uint8Array.from(atob(pieces), (char) => char.charCodeAt(0));
  const have = (i) => (bits[i >> 3] >> (7 - (i & 7))) & 1;
  const good = paint(canvas, "--good");
  const line = paint(canvas, "--line");
  let total = 0;
  for (let cell = 0; cell < cells; cell++) {
    const from = Math.floor(cell * count / cells);
    const to = Math.max(from + 1, Math.floor((cell + 1) * count / cells));
    let there = 0;
    for (let i = from; i < to; i++) there += have(i);
    total += there;
    const x = (cell % columns) * 7;
    const y = Math.floor(cell / columns) * 7;
    context.globalAlpha = 1;
    context.fillStyle = line;
    context.fillRect(x, y, 6, 6);
    context.globalAlpha = there / (to - from);
    context.fillStyle = good;
    context.fillRect(x, y, 6, 6);
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${total} of ${count} pieces are there`);
}

/** Draws lines over time: `lines` are `{ colour, name, values }`. */
export function drawLines(canvas, lines, format) {
  const { context, width, height } = prepare(canvas, 110);
  const most = Math.max(1e-9, ...lines.flatMap(({ values }) => values));
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = paint(canvas, "--soft");
  context.fillText(format(most), 4, 13);
  lines.forEach(({ colour: name, values, name: text }, i) => {
    context.strokeStyle = context.fillStyle = paint(canvas, name);
    context.fillText(text, width - 90, 13 + 14 * i);
    context.beginPath();
    values.forEach((value, at) => {
      const x = values.length < 2 ? 0 : at / (values.length - 1) * width;
      const y = height - 3 - value / most * (height - 24);
      if (at === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
  });
  canvas.setAttribute("role", "img");
  const now = lines.map(({ name, values }) =>
    `${name} ${format(values.at(-1) ?? 0)}`
  );
  canvas.setAttribute("aria-label", `Over time; now ${now.join(", ")}`);
}
