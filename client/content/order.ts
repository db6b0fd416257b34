/**
 * In which order pieces are fetched.
 *
 * @module
 */
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
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
  layout: PieceLayout,
): SelectionStrategy {
  const { strategy, sequential: order = false } = options;
  return strategyOf(
    strategy ??
      (order === false
        ? session.strategy ??
          rarestFirst(runPieces(placeOf(options, session), layout))
        : sequential(Number(order === true ? 0 : order))),
  );
}

/** How many pieces are asked for together. */
function runPieces(place: Place, layout: PieceLayout): number {
  return typeof place === "object" && "runPieces" in place
    ? place.runPieces?.(layout) ?? 1
    : 1;
}

/** An order as the picker takes it. */
export function strategyOf(
  choice: NonNullable<PolicyOptions["strategy"]>,
): SelectionStrategy {
  return typeof choice === "function" ? ranked(choice) : choice;
}
