/**
 * Where blocks come from.
 *
 * @module
 */
import type { PeerConnection } from "../../peer/connection.ts";
import type { RequestWindow } from "../../select/request_window.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";

/** What a download must know of, and may ask of, a source of blocks. */
export type BlockChannel = Pick<
  PeerConnection,
  | "allowedFast"
  | "cancel"
  | "downloadRate"
  | "peerHas"
  | "request"
  | "requestWindow"
  | "setInterested"
  | "state"
>;

/** A source of blocks, such as a connected peer. */
export interface BlockSource {
  /** Its key in the picker. */
  readonly key: PeerKey;
  /** What it has, whether it may be asked, how fast it is; takes requests. */
  readonly connection: BlockChannel;
  /** How many requests it is given. */
  readonly window: RequestWindow;
  /** Whether everything of its part in the picker is set up. */
  inPicker: boolean;
}
