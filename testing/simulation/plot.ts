/**
 * Charts of lines, as SVG.
 *
 * @module
 */

/** A line of a chart. */
export interface PlotSeries {
  /** What it is, for the legend. */
  readonly name: string;
  /** Points, their x rising. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A chart. */
export interface Plot {
  /** What it shows. */
  readonly title: string;
  /** What x is, with its unit. */
  readonly x: string;
  /** What y is, with its unit. */
  readonly y: string;
  /** The lines. */
  readonly series: readonly PlotSeries[];
}

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 64;
const RIGHT = 16;
const TOP = 40;
const BOTTOM = 48;
/** Colours that are told apart by those who see few of them. */
const COLOURS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#000000",
];

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** A round step that makes about five of a span. */
function stepOf(span: number): number {
  const raw = span / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].find((factor) => factor * power >= raw)! * power;
}

/** An axis from 0 to a round number. */
function axis(most: number): { end: number; ticks: number[] } {
  if (!(most > 0)) most = 1;
  const step = stepOf(most);
  const count = Math.ceil(most / step - 1e-9);
  return {
    end: count * step,
    ticks: Array.from({ length: count + 1 }, (_, i) => i * step),
  };
}

function label(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/**
 * Draws a chart.
 *
 * @param plot What to draw.
 * @returns An SVG document.
 */
export function plotSvg({ title, x, y, series }: Plot): string {
  const all = series.flatMap(({ points }) => points);
  const across = axis(Math.max(0, ...all.map(([at]) => at)));
  const up = axis(Math.max(0, ...all.map(([, value]) => value)));
  const bottom = HEIGHT - BOTTOM;
  const xOf = (at: number) =>
    (LEFT + at / across.end * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const yOf = (value: number) =>
    (bottom - value / up.end * (bottom - TOP)).toFixed(1);
  const lines: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escapeText(title)}</text>`,
  ];
  for (const at of across.ticks) {
    lines.push(
      `<path d="M${xOf(at)} ${TOP}V${bottom}" stroke="#ddd"/>`,
      `<text x="${xOf(at)}" y="${bottom + 16}" text-anchor="middle">${
        label(at)
      }</text>`,
    );
  }
  for (const value of up.ticks) {
    lines.push(
      `<path d="M${LEFT} ${yOf(value)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      `<text x="${LEFT - 6}" y="${Number(yOf(value)) + 4}" text-anchor="end">${
        label(value)
      }</text>`,
    );
  }
  lines.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${
      HEIGHT - 10
    }" text-anchor="middle">${escapeText(x)}</text>`,
    `<text transform="translate(16 ${
      (TOP + bottom) / 2
    }) rotate(-90)" text-anchor="middle">${escapeText(y)}</text>`,
  );
  series.forEach(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const dash = i < COLOURS.length ? "" : ' stroke-dasharray="5 3"';
    const path = points.map(([at, value]) => `${xOf(at)} ${yOf(value)}`)
      .join("L");
    if (path !== "") {
      lines.push(
        `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.8"${dash}/>`,
      );
    }
    const top = TOP + 8 + 16 * i;
    lines.push(
      `<path d="M${
        WIDTH - 190
      } ${top}h22" stroke="${colour}" stroke-width="3"${dash}/>`,
      `<text x="${WIDTH - 162}" y="${top + 4}">${escapeText(name)}</text>`,
    );
  });
  return lines.join("\n") + "\n</svg>\n";
}
