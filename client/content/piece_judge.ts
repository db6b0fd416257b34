/**
 * Finds out which source sends bad data, and has those prove themselves alone
 * that may be it.
 *
 * @module
 */
import { BLOCK_SIZE, type PieceLayout } from "../../metainfo/piece_layout.ts";
import type { PiecePicker } from "../../select/piece_picker.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import {
  type PeerVerdict,
  SmartBan,
  splitDigests,
} from "../../select/smart_ban.ts";
import type { BlockSource } from "./block_source.ts";
import type { TorrentHost } from "./torrent_host.ts";

/** What is looked at of a source. */
export type Suspect = Pick<BlockSource, "bad" | "key">;

/** Judges the sources of one torrent by the pieces that they gave. */
export class PieceJudge {
  readonly #torrent: Pick<TorrentHost, "ban">;
  readonly #layout: PieceLayout;
  readonly #picker: Pick<PiecePicker, "peers" | "pieces">;
  readonly #sources: ReadonlyMap<PeerKey, Suspect>;
  readonly #smartBan = new SmartBan();

  constructor(
    torrent: Pick<TorrentHost, "ban">,
    layout: PieceLayout,
    picker: Pick<PiecePicker, "peers" | "pieces">,
    sources: ReadonlyMap<PeerKey, Suspect>,
  ) {
    this.#torrent = torrent;
    this.#layout = layout;
    this.#picker = picker;
    this.#sources = sources;
  }

  /** Has a source prove itself alone while some send bad data. */
  suspect(key: PeerKey): void {
    if (this.#smartBan.suspect(key)) this.#picker.peers.setParole(key, true);
  }

  /** Notes that a source is gone. */
  forget(key: PeerKey): void {
    this.#smartBan.forget(key);
  }

  /** A complete piece passed its hash. */
  good(pieceIndex: number, digests: Uint8Array | undefined): void {
    const contributors = this.#picker.pieces.verified(pieceIndex);
    if (digests === undefined && this.#smartBan.hasSuspects(pieceIndex)) return;
    const blocks = splitDigests(digests);
    this.#obey(
      this.#smartBan.pieceVerified(pieceIndex, contributors, blocks),
      pieceIndex,
    );
  }

  /** A complete piece failed its hash; nobody is to blame without digests. */
  bad(pieceIndex: number, digests: Uint8Array | undefined): void {
    const contributors = this.#picker.pieces.failed(pieceIndex);
    if (digests === undefined) return;
    const blocks = splitDigests(digests);
    const verdict = this.#smartBan.pieceFailed(
      pieceIndex,
      contributors,
      blocks,
    );
    this.#obey(verdict, pieceIndex);
    const author = this.#authorOf(pieceIndex, contributors);
    if (author !== undefined && !verdict.ban.includes(author)) {
      this.#sources.get(author)?.bad?.(pieceIndex);
    }
    for (const key of this.#sources.keys()) this.suspect(key);
  }

  /** The source that gave all of a piece but its padding. */
  #authorOf(
    pieceIndex: number,
    contributors: readonly PeerKey[],
  ): PeerKey | undefined {
    const layout = this.#layout;
    const key = contributors.find((key) => key >= 0);
    const isOnly = contributors.every((other, block) =>
      other === key ||
      layout.spans(
        pieceIndex,
        block * BLOCK_SIZE,
        layout.blockSize(pieceIndex, block),
      ).every(({ pad }) => pad)
    );
    return isOnly ? key : undefined;
  }

  #obey({ parole, absolve, ban }: PeerVerdict, pieceIndex: number): void {
    const { peers } = this.#picker;
    for (const key of parole) if (peers.has(key)) peers.setParole(key, true);
    for (const key of absolve) if (peers.has(key)) peers.setParole(key, false);
    for (const key of ban) {
      const source = this.#sources.get(key);
      if (source?.bad !== undefined) source.bad(pieceIndex);
      else {
        this.#torrent.ban(key, "Peer sent blocks that fail the hash check");
      }
    }
  }
}
