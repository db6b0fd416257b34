/**
 * In which order pieces are fetched.
 *
 * @module
 */
import { ranked, sequential } from "../../select/ranked.ts";
import { rarestFirst } from "../../select/rarest_first.ts";
import type { SelectionStrategy } from "../../select/selection_strategy.ts";
import type { PolicyOptions } from "../policy_options.ts";
import type { AddTorrentOptions, SessionOptions } from "../types.ts";
import { type Place, placeOf } from "./open_storage.ts";

/** The order that a torrent was added with, or that of its session. */
export function orderOf(
  options: AddTorrentOptions,
  session: SessionOptions,
  pieceLength: number,
): SelectionStrategy {
  const { strategy, sequential: order = false } = options;
  const run = runBytes(placeOf(options, session)) / pieceLength;
  return strategyOf(
    strategy ??
      (order === false
        ? session.strategy ?? rarestFirst(Math.max(1, Math.floor(run)))
        : sequential(Number(order === true ? 0 : order))),
  );
}

function runBytes(place: Place): number {
  return typeof place === "object" && "runBytes" in place
    ? place.runBytes ?? 0
    : 0;
}

/** An order as the picker takes it. */
export function strategyOf(
  choice: NonNullable<PolicyOptions["strategy"]>,
): SelectionStrategy {
  return typeof choice === "function" ? ranked(choice) : choice;
}
