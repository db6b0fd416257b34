/**
 * Figures in the text format of Prometheus.
 *
 * @module
 */

/** Figures by name, in groups; what is `undefined` is left out. */
export interface TrackerFigures {
  /** A figure, or a group of figures. */
  readonly [name: string]: number | undefined | TrackerFigures;
}

/** Figures that can fall; all others only rise. */
const GAUGES: ReadonlySet<string> = new Set([
  "torrents",
  "seeders",
  "leechers",
  "peers4",
  "peers6",
  "bytes",
  "pending",
  "uptime",
  "memory",
]);

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replace(/[^a-z0-9_]/g, "_");
}

/**
 * Formats figures for Prometheus: `{udp: {announces: 3}}` becomes
 * `bip_tracker_udp_announces_total 3`.
 *
 * @param figures The figures.
 * @param prefix What all names begin with. @default {"bip_tracker"}
 * @returns Lines of text, the last one ended.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatPrometheus } from "@bip/bip/tracker";
 *
 * assertEquals(
 *   formatPrometheus({ swarms: { torrents: 2 } }),
 *   "# TYPE bip_tracker_swarms_torrents gauge\n" +
 *     "bip_tracker_swarms_torrents 2\n",
 * );
 * ```
 */
export function formatPrometheus(
  figures: TrackerFigures,
  prefix = "bip_tracker",
): string {
  let text = "";
  for (const [key, value] of Object.entries(figures)) {
    if (value === undefined) continue;
    const name = `${prefix}_${snakeCase(key)}`;
    if (typeof value !== "number") text += formatPrometheus(value, name);
    else if (GAUGES.has(key)) {
      text += `# TYPE ${name} gauge\n${name} ${value}\n`;
    } else {
      text += `# TYPE ${name}_total counter\n${name}_total ${value}\n`;
    }
  }
  return text;
}
