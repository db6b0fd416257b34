/**
 * Options that choose what is fetched first, whom we serve and what peers are
 * told.
 *
 * @module
 */
import { systemRandom } from "../../_shared/random.ts";
import type { PolicyOptions } from "../../client/policy_options.ts";
import type { FileAllocation } from "../../disk/storage.ts";
import { CHOKERS, STRATEGIES } from "../../select/named.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { UsageError } from "../error.ts";

const REVELATIONS = ["honest", "lazy", "super-seeding"] as const;

const ALLOCATIONS = ["sparse", "full", "compact"] as const;

/** How files take space. */
export const ALLOCATION_OPTION: OptionSpec = {
  name: "allocation",
  value: "NAME",
  summary:
    "How files take space: sparse (as pieces arrive), full (all of it first), compact (as pieces arrive, without holes)",
  complete: ALLOCATIONS,
};

/** Of all that transfer. */
export const POLICY_OPTIONS: readonly OptionSpec[] = [
  {
    name: "upload-slots",
    value: "N",
    summary: "Peers to upload to at a time (chosen by rate)",
  },
  {
    name: "choker",
    value: "NAME",
    summary: "Which peers to upload to (tit-for-tat, then round-robin)",
    complete: Object.keys(CHOKERS),
  },
  {
    name: "reveal",
    value: "NAME",
    summary: "How pieces are announced to peers (honest)",
    complete: REVELATIONS,
  },
];

/** Of downloads. */
export const ORDER_OPTIONS: readonly OptionSpec[] = [
  {
    name: "order",
    value: "NAME",
    summary: "Order of pieces (rarest-first)",
    complete: Object.keys(STRATEGIES),
  },
  { name: "sequential", summary: "Same as --order sequential" },
  {
    name: "first-last",
    summary: "Download the first and last piece of each file first",
  },
];

/**
 * Reads the options of {@linkcode POLICY_OPTIONS} and the order.
 *
 * @param args The command line.
 * @returns What the session is told.
 * @throws {UsageError} If a name is none.
 */
export function policiesOf(args: Arguments): PolicyOptions {
  const choker = args.choice("choker", Object.keys(CHOKERS));
  const revelation = args.choice("reveal", REVELATIONS);
  const uploadSlots = args.integer("upload-slots", 1, 10_000);
  return {
    ...choker === undefined
      ? {}
      : { choker: () => CHOKERS[choker]!(systemRandom) },
    ...revelation === undefined ? {} : { revelation },
    ...uploadSlots === undefined ? {} : { uploadSlots },
  };
}

/**
 * Reads the order of pieces.
 *
 * @param args The command line.
 * @returns What the torrent is told.
 * @throws {UsageError} If the name is none, or there are two.
 */
export function orderOf(args: Arguments): Pick<PolicyOptions, "strategy"> {
  const order = args.choice("order", Object.keys(STRATEGIES));
  if (args.has("sequential")) {
    if (order !== undefined && order !== "sequential") {
      throw new UsageError("--sequential contradicts --order");
    }
    return { strategy: STRATEGIES.sequential!() };
  }
  return order === undefined ? {} : { strategy: STRATEGIES[order]!() };
}

/**
 * Reads how files take space.
 *
 * @param args The command line.
 * @returns The name, if there is one.
 * @throws {UsageError} If the name is none.
 */
export function allocationOf(args: Arguments): FileAllocation | undefined {
  return args.choice("allocation", ALLOCATIONS);
}
