/**
 * In which order pieces are fetched.
 *
 * @module
 */
import { ranked, sequential } from "../../select/ranked.ts";
import { rarestFirst } from "../../select/rarest_first.ts";
import type { SelectionStrategy } from "../../select/selection_strategy.ts";
import type { PolicyOptions } from "../policy_options.ts";
import type { AddTorrentOptions } from "../types.ts";

/** The order that a torrent was added with, or that of its session. */
export function orderOf(
  { strategy, sequential: order = false }: AddTorrentOptions,
  session: PolicyOptions,
): SelectionStrategy {
  return strategyOf(
    strategy ??
      (order === false
        ? session.strategy ?? rarestFirst()
        : sequential(Number(order === true ? 0 : order))),
  );
}

/** An order as the picker takes it. */
export function strategyOf(
  choice: NonNullable<PolicyOptions["strategy"]>,
): SelectionStrategy {
  return typeof choice === "function" ? ranked(choice) : choice;
}
