/**
 * Policies by name, for command lines and descriptions in JSON.
 *
 * @module
 */
import type { RandomSource } from "../_shared/random.ts";
import {
  antiLeechChoker,
  type Choker,
  fastestUploadChoker,
  roundRobinChoker,
  titForTatChoker,
} from "./choker.ts";
import { sequential } from "./ranked.ts";
import { randomOrder, rarestFirst } from "./rarest_first.ts";
import type { SelectionStrategy } from "./selection_strategy.ts";

/** Strategies by name. */
export const STRATEGIES: Readonly<Record<string, () => SelectionStrategy>> = {
  "rarest-first": () => rarestFirst(),
  sequential: () => sequential(),
  random: () => randomOrder(),
};

/** Chokers by name. */
export const CHOKERS: Readonly<
  Record<string, (random: RandomSource) => Choker>
> = {
  "tit-for-tat": (random) => titForTatChoker({ random }),
  "fastest-upload": (random) => fastestUploadChoker({ random }),
  "round-robin": (random) => roundRobinChoker({ random }),
  "anti-leech": (random) => antiLeechChoker({ random }),
};
