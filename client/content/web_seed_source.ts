/**
 * A web seed as a source of blocks.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { BlockAddress } from "../../metainfo/mod.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import { WebSeedHosts } from "../../webseed/host_slots.ts";
import { WebSeed } from "../../webseed/web_seed.ts";
import type { WebSeedEvent } from "../../webseed/web_seed_options.ts";
import { ReadGate } from "../limits/rate_limiter.ts";
import type { BlockChannel, BlockSource } from "./block_source.ts";
import type { SessionContext } from "./session_context.ts";
import type { TorrentContent } from "./torrent_content.ts";
import type { NamedWebSeed } from "./web_seeds.ts";

/** Keys of peers count up from 1, those of web seeds down from here. */
const LAST_KEY = 0x7fffffff;

/** Requests to web servers, for all torrents of a session. */
const hostsOf = new WeakMap<SessionContext, WebSeedHosts>();

function sharedHosts(context: SessionContext): WebSeedHosts {
  const hosts = hostsOf.get(context) ?? new WebSeedHosts(context.timers);
  hostsOf.set(context, hosts);
  return hosts;
}

/** Gives a download blocks of a web seed. */
export class WebSeedSource implements BlockSource, BlockChannel {
  readonly key: PeerKey;
  readonly seed: WebSeed;
  readonly connection: BlockChannel = this;
  readonly takesRuns = true;
  readonly allowedFast: ReadonlySet<number> = new Set();
  readonly state = { peerChoking: false, snubbed: false };
  /** It has a window of its own: how much is asked for at a time. */
  readonly window = {
    isStarting: false,
    received: () => {},
    restart: () => {},
    size: () => this.requestWindow,
  };
  inPicker = false;
  readonly #content: TorrentContent;

  constructor(
    content: TorrentContent,
    { url, isNamed }: NamedWebSeed,
    index: number,
  ) {
    const { torrent, storage, wishes } = content;
    const { context, limits, metainfo, peers } = torrent;
    const pressure = () => storage.pressure;
    this.#content = content;
    this.key = LAST_KEY - index;
    this.seed = new WebSeed({
      url,
      isNamed,
      torrent: metainfo!,
      onEvent: (event) => this.#take(event),
      hosts: sharedHosts(context),
      gate: () => {
        const gate = new ReadGate(pressure, limits.download);
        const reader = { outstanding: 1, isClosed: false };
        return {
          before: (bytes) => gate.before(bytes, reader),
          after: (bytes) => gate.after(bytes),
        };
      },
      isLacking: (pieceIndex) => wishes.lacks(pieceIndex),
      isAlone: () =>
        peers.values().every(({ connection }) => connection.state.peerChoking),
      fetch: context.options.fetch,
      isBlocked: context.isBlocked,
      resolve: context.privacy.resolveWeb,
      userAgent: context.privacy.userAgent,
      clock: context.timers,
      random: context.random,
    });
  }

  get peerHas(): Bitfield {
    return this.seed.pieces;
  }

  get downloadRate(): number {
    return this.seed.downloadRate;
  }

  get requestWindow(): number {
    return this.seed.window;
  }

  /** Takes part in the download, if it has something. */
  start(): void {
    const { state } = this.seed;
    if (this.inPicker) return;
    if (state === "ready" || state === "waiting") {
      this.#content.download.addPeer(this);
    }
  }

  /** Takes part no more; what was asked for is asked of others. */
  stop(): void {
    this.#content.download.removePeer(this);
    this.seed.stop();
  }

  request(blocks: readonly BlockAddress[]): BlockAddress[] {
    this.seed.request(
      blocks.toSorted((a, b) =>
        a.pieceIndex - b.pieceIndex || a.blockOffset - b.blockOffset
      ),
    );
    // What does not come is told of.
    return [];
  }

  cancel(block: BlockAddress): boolean {
    this.seed.cancel(block);
    return true;
  }

  setInterested(): void {}

  bad(pieceIndex: number): void {
    this.seed.bad(pieceIndex);
  }

  #take(event: WebSeedEvent): void {
    if (!this.inPicker) return;
    const { download } = this.#content;
    switch (event.type) {
      case "block":
        return download.handle(this, { ...event, late: false });
      case "unserved": {
        const { blocks } = event;
        return download.handle(this, {
          type: "rejected",
          blocks,
          reason: "rejected",
        });
      }
      case "lost":
        if (this.seed.pieces.isEmpty) return download.removePeer(this);
        for (const pieceIndex of event.pieces) {
          download.handle(this, { type: "dont-have", pieceIndex });
        }
        return;
      case "ready":
        return download.refill(this);
    }
  }
}
