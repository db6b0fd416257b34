/**
 * Strategies of a BitTorrent client, without any network: which pieces others
 * are told of, which blocks are asked of whom and how many at a time, who may
 * download from us, and who sends bad data. Everything here is pure: time (in
 * milliseconds) and randomness are parameters, decisions are results.
 *
 * Each family has several members that can be mixed:
 *
 * | family | members |
 * | --- | --- |
 * | revelation | {@linkcode HonestRevelation}, {@linkcode LazyRevelation}, {@linkcode SuperSeeding} |
 * | selection | {@linkcode PiecePicker} with {@linkcode rarestFirst}, {@linkcode sequential}, {@linkcode ranked}, {@linkcode randomOrder}; priorities, deadlines, end-game |
 * | queueing | {@linkcode RequestWindow}, stealing from stalled peers, parole and {@linkcode SmartBan} |
 * | choking | {@linkcode titForTatChoker}, {@linkcode roundRobinChoker}, {@linkcode fastestUploadChoker}, {@linkcode antiLeechChoker} |
 *
 * @example Downloading a torrent of two pieces from one seed
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { PiecePicker, sequential } from "@bip/bip/select";
 *
 * const picker = new PiecePicker({
 *   // `PieceLayout` of `@bip/bip/metainfo` fits here.
 *   layout: { pieceCount: 2, blockCount: () => 2, blockSize: () => 16384 },
 *   random: crypto,
 *   strategy: sequential(),
 * });
 * picker.peers.add(1);
 * picker.peers.setAll(1);
 * picker.peers.setChoked(1, false);
 *
 * let now = 0;
 * while (!picker.isDone) {
 *   for (const block of picker.pick(1, 3, now)) {
 *     now += 10;
 *     const result = picker.received(1, block.pieceIndex, block.blockOffset, now);
 *     if (result.pieceComplete) picker.pieces.verified(block.pieceIndex);
 *   }
 * }
 * assertEquals(picker.haveCount, 2);
 * ```
 *
 * | BEP | what of it |
 * | --- | --- |
 * | [3](https://www.bittorrent.org/beps/bep_0003.html) | piece selection, end-game, choking |
 * | [6](https://www.bittorrent.org/beps/bep_0006.html) | have all, have none, suggested and allowed-fast pieces |
 * | [10](https://www.bittorrent.org/beps/bep_0010.html) | `reqq` bounds the request window |
 * | [16](https://www.bittorrent.org/beps/bep_0016.html) | superseeding |
 * | [52](https://www.bittorrent.org/beps/bep_0052.html) | single bad blocks |
 * | [54](https://www.bittorrent.org/beps/bep_0054.html) | lost pieces |
 *
 * Permissions: none.
 *
 * @module
 */
export { type RandomSource, systemRandom } from "../_shared/random.ts";
export {
  antiLeechChoker,
  type Choker,
  type ChokerOptions,
  type ChokerPeer,
  fastestUploadChoker,
  roundRobinChoker,
  type RoundRobinOptions,
  titForTatChoker,
} from "./choker.ts";
export type { PickerPeers } from "./picker/picker_peers.ts";
export type { PickerPieces } from "./picker/picker_pieces.ts";
export type {
  PeerBlock,
  PickerLayout,
  PickerStats,
  PiecePickerOptions,
  PieceState,
  ReceiveResult,
} from "./picker/picker_types.ts";
export { PiecePicker } from "./piece_picker.ts";
export { ranked, sequential } from "./ranked.ts";
export { randomOrder, rarestFirst } from "./rarest_first.ts";
export { RequestWindow } from "./request_window.ts";
export {
  type FirstReveal,
  HonestRevelation,
  LazyRevelation,
  type LazyRevelationOptions,
  type Reveal,
  type Revelation,
  type RevelationOptions,
} from "./revelation.ts";
export {
  DEFAULT_PRIORITY,
  type PeerKey,
  type PeerPieces,
  type PieceOrder,
  type PieceView,
  type SelectionStrategy,
  SKIP_PRIORITY,
  TOP_PRIORITY,
} from "./selection_strategy.ts";
export { type PeerVerdict, SmartBan } from "./smart_ban.ts";
export { SuperSeeding, type SuperSeedingOptions } from "./super_seeding.ts";
