/**
 * @module
 */
export type { Bitfield } from "../_shared/bitfield.ts";
export type { RandomSource } from "../_shared/random.ts";
export type { BlockAddress } from "../metainfo/piece_layout.ts";
export * from "./picker_peers.ts";
export * from "./picker_pieces.ts";
export * from "./picker_types.ts";
export * from "./piece_picker.ts";
export * from "./rarest_first.ts";
export * from "./selection_strategy.ts";
export * from "./sequential.ts";
export * from "./steal_policy.ts";
