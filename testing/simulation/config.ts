/**
 * What a simulation is told: groups of peers, their links and their policies.
 *
 * @module
 */
import type { RandomSource } from "../../_shared/random.ts";
import type { RevelationName } from "../../client/policy_options.ts";
import type { Choker } from "../../select/choker.ts";
import { CHOKERS, STRATEGIES } from "../../select/named.ts";
import type { SelectionStrategy } from "../../select/selection_strategy.ts";

/** In which order a simulated peer fetches pieces. */
export type SimStrategyName =
  | "rarest-first"
  | "sequential"
  | "random";

/** How a simulated peer decides whom to serve. */
export type SimChokerName =
  | "tit-for-tat"
  | "fastest-upload"
  | "round-robin"
  | "anti-leech";

/**
 * How a simulated peer behaves. A free rider unchokes nobody. A liar has nothing
 * and sends wrong bytes. A drainer is a free rider that throws away what it has
 * and comes back as somebody else every half minute, to take seeds' slots.
 */
export type SimBehaviour = "honest" | "free-rider" | "liar" | "drainer";

/** Peers of a kind. */
export interface SimPeerGroup {
  /** Its name in results. */
  readonly name: string;
  /** How many peers. */
  readonly count: number;
  /** Whether they have everything from the beginning. @default {false} */
  readonly seed?: boolean;
  /** Link to the net, in bytes per second. @default {131072} */
  readonly upload?: number;
  /** Link from the net, in bytes per second. @default {1048576} */
  readonly download?: number;
  /** When the first of them comes, in seconds. @default {0} */
  readonly fromS?: number;
  /** Within how many seconds they come from then on, evenly. @default {0} */
  readonly arriveS?: number;
  /**
   * How long they stay when complete, seeds from when they came, in seconds.
   * @default {until the end}
   */
  readonly stayS?: number;
  /** Share of the group that nobody can connect to. @default {0} */
  readonly nat?: number;
  /**
   * Mean times of being there and of being away, in seconds.
   * @default {always there}
   */
  readonly churn?: { readonly onS: number; readonly offS: number };
  /** How they behave. @default {"honest"} */
  readonly behaviour?: SimBehaviour;
  /** In which order they fetch pieces. @default {that of a session} */
  readonly strategy?: SimStrategyName;
  /** How they decide whom to serve. @default {those of a session} */
  readonly choker?: SimChokerName;
  /** What they tell of their pieces. @default {"honest"} */
  readonly revelation?: RevelationName;
  /** Most peers served at a time. @default {"rate-based"} */
  readonly uploadSlots?: number | "rate-based";
}

/** A swarm to be simulated. Plain JSON. */
export interface SimulationConfig {
  /** What all chance comes from, an integer. @default {1} */
  readonly seed?: number;
  /** Pieces of the torrent. @default {200} */
  readonly pieces?: number;
  /** Bytes of a piece. @default {32768} */
  readonly pieceLength?: number;
  /** One-way delay between hosts, in milliseconds. @default {30} */
  readonly latencyMs?: number;
  /** Most connections of a peer. @default {30} */
  readonly maxPeers?: number;
  /** Virtual seconds after which it ends in any case. @default {7200} */
  readonly limitS?: number;
  /** The peers. */
  readonly groups: readonly SimPeerGroup[];
}

/** A simulation cannot be as its description says. */
export class SimulationError extends Error {
  /** Name of the class. */
  override readonly name = "SimulationError";
}

type Check = (value: unknown) => boolean;

const isNumber = (least: number, most: number): Check => (value) =>
  typeof value === "number" && value >= least && value <= most;
const isInteger = (least: number, most: number): Check => (value) =>
  Number.isInteger(value) && isNumber(least, most)(value);
const isOneOf = (names: readonly string[]): Check => (value) =>
  names.includes(value as string);

const RATE = isNumber(1024, 1e12);
const SECONDS = isNumber(0, 1e6);

const GROUP: Readonly<Record<string, Check>> = {
  name: (value) => typeof value === "string" && value !== "",
  count: isInteger(1, 10_000),
  seed: (value) => typeof value === "boolean",
  upload: RATE,
  download: RATE,
  fromS: SECONDS,
  arriveS: SECONDS,
  stayS: SECONDS,
  nat: isNumber(0, 1),
  churn: (value) =>
    typeof value === "object" && value !== null &&
    isNumber(1, 1e6)((value as Record<string, unknown>).onS) &&
    isNumber(1, 1e6)((value as Record<string, unknown>).offS),
  behaviour: isOneOf(["honest", "free-rider", "liar", "drainer"]),
  strategy: isOneOf(Object.keys(STRATEGIES)),
  choker: isOneOf(Object.keys(CHOKERS)),
  revelation: isOneOf(["honest", "lazy", "super-seeding"]),
  uploadSlots: (value) => value === "rate-based" || isInteger(1, 1e6)(value),
};

const CONFIG: Readonly<Record<string, Check>> = {
  seed: isInteger(0, 2 ** 31),
  pieces: isInteger(1, 1e5),
  pieceLength: (value) =>
    isInteger(16384, 2 ** 24)(value) && Math.log2(value as number) % 1 === 0,
  latencyMs: isNumber(0, 10_000),
  maxPeers: isInteger(1, 1000),
  limitS: isNumber(1, 1e6),
  groups: (value) => Array.isArray(value) && value.length > 0,
};

function checkFields(
  fields: Readonly<Record<string, Check>>,
  required: readonly string[],
  value: unknown,
  where: string,
): void {
  if (typeof value !== "object" || value === null) {
    throw new SimulationError(`${where} must be an object`);
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) {
      throw new SimulationError(`${where} has no ${name}`);
    }
  }
  for (const [name, one] of Object.entries(value)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (check === undefined) {
      throw new SimulationError(`${where}: unknown ${JSON.stringify(name)}`);
    }
    if (one !== undefined && !check(one)) {
      throw new SimulationError(
        `${where}: ${name} cannot be ${JSON.stringify(one)}`,
      );
    }
  }
}

/**
 * Checks what was read from JSON.
 *
 * @param value What was read.
 * @returns The same.
 * @throws {SimulationError} If something is missing, unknown or out of range.
 */
export function checkSimulation(value: unknown): SimulationConfig {
  checkFields(CONFIG, ["groups"], value, "The simulation");
  const { groups } = value as SimulationConfig;
  groups.forEach((group, i) =>
    checkFields(GROUP, ["name", "count"], group, `Group ${i + 1}`)
  );
  if (!groups.some(({ seed, behaviour }) => seed && behaviour !== "liar")) {
    throw new SimulationError("No group has the content: give one seed: true");
  }
  return value as SimulationConfig;
}

/** Makes the strategy of a name. */
export function strategyOf(name: SimStrategyName): SelectionStrategy {
  return STRATEGIES[name]!();
}

/** Makes the choker of a name. */
export function chokerOf(name: SimChokerName, random: RandomSource): Choker {
  return CHOKERS[name]!(random);
}
