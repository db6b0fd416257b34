/**
 * Figures in the text format of Prometheus (version 0.0.4), and histograms to
 * make them of.
 *
 * @module
 */

/** Labels of a sample, by name. */
export type MetricLabels = Readonly<Record<string, string>>;

/** One value of a counter or a gauge. */
export interface MetricSample {
  /** What tells this sample from others of its family; none when left out. */
  readonly labels?: MetricLabels;
  /** The value, in base units: seconds, bytes, ratios. */
  readonly value: number;
}

/** What a {@linkcode Histogram} has counted. */
export interface HistogramCounts {
  /** Upper bounds of the buckets, rising, without infinity. */
  readonly bounds: readonly number[];
  /** Observations in each bucket, and last those above all bounds. */
  readonly counts: readonly number[];
  /** Sum of all observations. */
  readonly sum: number;
}

/** Samples of one name. */
export type MetricFamily =
  | {
    readonly name: string;
    readonly help: string;
    readonly type: "counter" | "gauge";
    readonly samples: readonly MetricSample[];
  }
  | {
    readonly name: string;
    readonly help: string;
    readonly type: "histogram";
    readonly samples: readonly {
      readonly labels?: MetricLabels;
      readonly value: HistogramCounts;
    }[];
  };

/** Bounds for times between a tenth of a millisecond and ten seconds. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.0001,
  0.0005,
  0.001,
  0.005,
  0.01,
  0.05,
  0.1,
  0.5,
  1,
  5,
  10,
];

/** Counts observations in buckets. */
export class Histogram implements HistogramCounts {
  readonly bounds: readonly number[];
  readonly counts: number[];
  #sum = 0;

  /**
   * Creates a histogram without observations.
   *
   * @param bounds Upper bounds of the buckets, rising.
   */
  constructor(bounds: readonly number[] = SECONDS_BOUNDS) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  /** Sum of all observations. */
  get sum(): number {
    return this.#sum;
  }

  /** The counts of the moment, as plain JSON. */
  snapshot(): HistogramCounts {
    return { bounds: this.bounds, counts: [...this.counts], sum: this.#sum };
  }

  /** Counts one observation. */
  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) {
      bucket++;
    }
    this.counts[bucket]!++;
    this.#sum += value;
  }
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function labelled(name: string, labels: MetricLabels | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) =>
    `${key}="${escapeLabel(value)}"`
  );
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}

function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function histogramLines(
  name: string,
  labels: MetricLabels | undefined,
  { bounds, counts, sum }: HistogramCounts,
): string {
  let text = "";
  let total = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    total += counts[bucket]!;
    const le = formatNumber(bounds[bucket] ?? Infinity);
    text += `${labelled(`${name}_bucket`, { ...labels, le })} ${total}\n`;
  }
  text += `${labelled(`${name}_sum`, labels)} ${formatNumber(sum)}\n`;
  return text + `${labelled(`${name}_count`, labels)} ${total}\n`;
}

/**
 * Formats families for Prometheus. A family without samples is left out.
 *
 * @param families The families, each name once.
 * @returns Lines of text, the last one ended.
 */
export function formatMetrics(families: Iterable<MetricFamily>): string {
  let text = "";
  for (const { name, help, type, samples } of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { labels, value } of samples) {
      text += typeof value === "number"
        ? `${labelled(name, labels)} ${formatNumber(value)}\n`
        : histogramLines(name, labels, value);
    }
  }
  return text;
}

/** Figures by name, in groups; what is `undefined` is left out. */
export interface Figures {
  /** A figure, or a group of figures. */
  readonly [name: string]: number | undefined | Figures;
}

/**
 * Name, kind and meaning of a figure; the meaning alone for a counter that is
 * named after its path.
 */
export type FigureText =
  | readonly [name: string, type: "counter" | "gauge", help: string]
  | string;

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replace(/[^a-z0-9_]/g, "_");
}

/**
 * Makes families of figures. One that is not in the table is a counter too.
 *
 * @param figures The figures.
 * @param table Texts by the path of the figure, such as `udp.announces`.
 * @param prefix What all names begin with.
 * @returns One family a figure.
 */
export function figureFamilies(
  figures: Figures,
  table: Readonly<Record<string, FigureText>>,
  prefix: string,
): MetricFamily[] {
  const families: MetricFamily[] = [];
  const walk = (group: Figures, path: string) => {
    for (const [key, value] of Object.entries(group)) {
      if (value === undefined) continue;
      const here = path + key;
      if (typeof value !== "number") {
        walk(value, `${here}.`);
        continue;
      }
      const text = Object.hasOwn(table, here)
        ? table[here]!
        : `Counts ${here}.`;
      const [name, type, help] = typeof text !== "string" ? text : [
        `${here.split(".").map(snakeCase).join("_")}_total`,
        "counter",
        text,
      ] as const;
      families.push({
        name: `${prefix}_${name}`,
        help,
        type,
        samples: [{ value }],
      });
    }
  };
  walk(figures, "");
  return families;
}
