/**
 * What simulations are summed up to: figures of each group, and charts of
 * several simulations side by side.
 *
 * @module
 */
import type { SimulationResult } from "./result.ts";
import { type PlotSeries, plotSvg } from "./plot.ts";

/** A group of peers in figures. */
export interface SimGroupSummary {
  /** The group's name. */
  readonly group: string;
  /** How many peers. */
  readonly count: number;
  /** How many became complete. */
  readonly complete: number;
  /** Virtual seconds that half of them took; absent when fewer did. */
  readonly medianS?: number | undefined;
  /** Virtual seconds that 95 % of them took; absent when fewer did. */
  readonly p95S?: number | undefined;
  /** Payload sent, a byte received; absent for those that received none. */
  readonly ratio?: number | undefined;
  /** Part of what was received that was of no use. */
  readonly waste: number;
}

/** The value that so much of a sorted list does not exceed. */
function quantile(sorted: readonly number[], count: number, part: number) {
  return sorted[Math.max(0, Math.ceil(count * part) - 1)];
}

/**
 * Sums up the groups of a simulation.
 *
 * @param result What {@linkcode simulateSwarm} returned.
 * @returns One summary a group, in the order of the description.
 */
export function summarizeSimulation(
  result: SimulationResult,
): SimGroupSummary[] {
  const groups = Map.groupBy(result.peers, ({ group }) => group);
  return [...groups].map(([group, peers]) => {
    const times = peers.flatMap(({ tookS }) => tookS === undefined ? [] : tookS)
      .sort((a, b) => a - b);
    const sum = (key: "uploaded" | "downloaded" | "wasted") =>
      peers.reduce((total, peer) => total + peer[key], 0);
    return {
      group,
      count: peers.length,
      complete: times.length,
      medianS: quantile(times, peers.length, 0.5),
      p95S: quantile(times, peers.length, 0.95),
      ratio: sum("downloaded") === 0
        ? undefined
        : sum("uploaded") / sum("downloaded"),
      waste: sum("wasted") / Math.max(1, sum("downloaded")),
    };
  });
}

/** Simulations by what they are called. */
export type NamedSimulations = Readonly<Record<string, SimulationResult>>;

function lines(
  runs: NamedSimulations,
  make: (
    result: SimulationResult,
  ) => readonly (readonly [string, PlotSeries["points"]])[],
): PlotSeries[] {
  const isOne = Object.keys(runs).length === 1;
  return Object.entries(runs).flatMap(([run, result]) =>
    make(result).map(([name, points]) => ({
      name: name === "" ? run : isOne ? name : `${run}: ${name}`,
      points,
    }))
  );
}

/**
 * Draws what simulations have seen.
 *
 * @param runs Simulations by what they are called.
 * @returns SVG documents by name of what they show: `completion`,
 * `availability`, `fairness` and `copies`.
 */
export function plotSimulations(
  runs: NamedSimulations,
): Record<"completion" | "availability" | "fairness" | "copies", string> {
  const completion = lines(
    runs,
    ({ peers }) =>
      [...Map.groupBy(peers, ({ group }) => group)].flatMap(([group, all]) => {
        const times = all.flatMap(({ tookS }) => tookS ?? [])
          .sort((a, b) => a - b);
        if (times.length === 0) return [];
        const points = times.map((time, i) =>
          [time, 100 * (i + 1) / all.length] as const
        );
        return [[group, [[times[0]!, 0] as const, ...points]] as const];
      }),
  );
  const availability = lines(runs, ({ samples }) => [
    ["rarest piece", samples.map(({ atS, rarest }) => [atS, rarest] as const)],
    ["mean", samples.map(({ atS, mean }) => [atS, mean] as const)],
  ]);
  const fairness = lines(
    runs,
    ({ peers }) =>
      [...Map.groupBy(peers, ({ group }) => group)].map(([group, all]) => [
        group,
        all.map(({ uploaded, downloaded }) =>
          uploaded / Math.max(1, downloaded)
        )
          // Seeds that receive nothing have no ratio.
          .filter((ratio) => ratio < 1e4)
          .sort((a, b) => a - b)
          .map((ratio, i, { length }) =>
            [100 * (i + 1) / length, ratio] as const
          ),
      ]),
  );
  const copies = lines(runs, ({ samples, length }) => [
    [
      "",
      samples.map(({ atS, firstSent }) => [atS, firstSent / length] as const),
    ],
  ]);
  return {
    completion: plotSvg({
      title: "Completion times",
      x: "time since a peer came, virtual seconds",
      y: "complete peers of a group, %",
      series: completion,
    }),
    availability: plotSvg({
      title: "Availability",
      x: "virtual seconds",
      y: "copies among those that are there",
      series: availability,
    }),
    fairness: plotSvg({
      title: "Fairness of uploads",
      x: "peers of a group, % (the stingiest first)",
      y: "bytes sent, a byte received",
      series: fairness,
    }),
    copies: plotSvg({
      title: "What the first seeds send",
      x: "virtual seconds",
      y: "copies of the torrent",
      series: copies,
    }),
  };
}
