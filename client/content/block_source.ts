/**
 * Where blocks come from.
 *
 * @module
 */
import type { PeerConnection } from "../../peer/connection.ts";
import type { RequestWindow } from "../../select/request_window.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";

/** What a download must know of, and may ask of, a source of blocks. */
export type BlockChannel =
  & Pick<
    PeerConnection,
    | "allowedFast"
    | "cancel"
    | "downloadRate"
    | "peerHas"
    | "request"
    | "requestWindow"
    | "setInterested"
  >
  & {
    /** Whether it may be asked, and answers. */
    readonly state: Pick<PeerConnection["state"], "peerChoking" | "snubbed">;
  };

/** A source of blocks, such as a connected peer. */
export interface BlockSource {
  /** Its key in the picker. */
  readonly key: PeerKey;
  /** What it has, whether it may be asked, how fast it is; takes requests. */
  readonly connection: BlockChannel;
  /** How many requests it is given. */
  readonly window: Pick<
    RequestWindow,
    "isStarting" | "received" | "restart" | "size"
  >;
  /** Whether it is asked for runs of whole pieces: as many as its window says. */
  readonly takesRuns?: boolean;
  /** Whether everything of its part in the picker is set up. */
  inPicker: boolean;
  /**
   * Takes note that it gave bad data, where others are banned.
   *
   * @param pieceIndex Of which piece.
   */
  bad?(pieceIndex: number): void;
}
