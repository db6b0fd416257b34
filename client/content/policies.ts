/**
 * What was chosen about the dealings with peers, made ready for use.
 *
 * @module
 */
import { ranked, sequential } from "../../select/ranked.ts";
import { rarestFirst } from "../../select/rarest_first.ts";
import type { SelectionStrategy } from "../../select/selection_strategy.ts";
import type { PolicyOptions } from "../policy_options.ts";
import type { AddTorrentOptions } from "../types.ts";

/** A strategy, or a number for each piece. */
export type StrategyChoice = NonNullable<PolicyOptions["strategy"]>;

/** Makes a strategy of what was chosen. */
export function strategyOf(choice: StrategyChoice): SelectionStrategy {
  return typeof choice === "function" ? ranked(choice) : choice;
}

/** The strategy that a torrent starts with. */
export function firstStrategy(
  torrent: AddTorrentOptions,
  session: PolicyOptions,
): SelectionStrategy {
  if (torrent.strategy !== undefined) return strategyOf(torrent.strategy);
  if (torrent.sequential) return sequential();
  return strategyOf(session.strategy ?? rarestFirst());
}
