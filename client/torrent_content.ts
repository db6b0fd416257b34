/**
 * What a torrent has once its description is known: storage, download and
 * upload.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { CheckProgress, TorrentStorage } from "../disk/mod.ts";
import { diskPaths, type Metainfo, pieceRoot } from "../metainfo/metainfo.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import { rarestFirst } from "../select/rarest_first.ts";
import { sequential } from "../select/sequential.ts";
import { Download, type DownloadHost } from "./download.ts";
import { SessionError } from "./error.ts";
import { HashServer } from "./hash_server.ts";
import { needsPieceLayers } from "./info_hash.ts";
import type { PeerSessionEvent } from "../peer/mod.ts";
import { PieceRevealer } from "./reveal.ts";
import type { SwarmPeer } from "./swarm_peer.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import type { SessionContext } from "./session_context.ts";
import type { SwarmContent } from "./swarm.ts";
import type { AddTorrentOptions } from "./types.ts";
import { Upload, type UploadHost } from "./upload.ts";

/** Priority of a piece that is wanted. */
const WANTED = 4;

/** Options of {@linkcode TorrentContent.open}. */
export interface TorrentContentOptions {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** What the person asked for. */
  readonly torrent: AddTorrentOptions;
  /** Download limits to pass, in order. */
  readonly downloadLimits: readonly RateLimiter[];
  /** Upload limits to pass, in order. */
  readonly uploadLimits: readonly RateLimiter[];
  /** Is told how far the check of the files is. */
  readonly onProgress: (progress: CheckProgress) => void;
  /** Stops the opening. */
  readonly signal: AbortSignal;
}

/** Figures of the moment. */
export interface ContentFigures {
  /** Payload bytes that are wanted. */
  readonly wantedBytes: number;
  /** Wanted bytes that are verified. */
  readonly doneBytes: number;
  /** Payload received twice, unasked or bad. */
  readonly wastedBytes: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Verified pieces. */
  readonly piecesDone: number;
}

/** Storage, download and upload of one torrent. */
export class TorrentContent implements SwarmContent {
  /** Where the pieces are. */
  readonly storage: TorrentStorage;
  readonly layout: PieceLayout;
  /** Asks and stores. */
  readonly download: Download;
  /** Chooses whom to serve, and serves. */
  readonly upload: Upload;
  readonly revealer: PieceRevealer;
  readonly hashes: HashServer | undefined;
  readonly #wanted: Uint8Array;
  readonly #isV2Only: boolean;
  readonly #readOnly: boolean;
  #selecting: Promise<void> = Promise.resolve();
  #wantedBytes = 0;
  #doneBytes = 0;

  private constructor(
    host: DownloadHost & UploadHost,
    storage: TorrentStorage,
    options: TorrentContentOptions,
  ) {
    const { metainfo, context, torrent, uploadLimits } = options;
    const { clock, random } = context;
    this.storage = storage;
    this.#readOnly = isReadOnly(torrent);
    this.layout = metainfo.layout;
    this.hashes = metainfo.pieceLayers !== undefined
      ? new HashServer(metainfo)
      : undefined;
    this.#isV2Only = metainfo.version === "v2";
    this.#wanted = new Uint8Array(metainfo.pieceCount);
    this.download = new Download({
      ...host,
      peers: host.peers,
      pieceDone: (pieceIndex) => {
        if (this.#wanted[pieceIndex] === 1) {
          this.#doneBytes += this.layout.payloadSize(pieceIndex);
        }
        this.revealer.verified(pieceIndex);
        host.pieceDone(pieceIndex);
      },
    }, {
      layout: metainfo.layout,
      storage,
      strategy: torrent.sequential ? sequential() : rarestFirst(),
      clock,
      random,
    });
    this.revealer = new PieceRevealer({
      name: torrent.revelation ?? "honest",
      have: storage.have,
      picker: this.download.picker,
      peers: host.peers,
      random,
    });
    this.upload = new Upload(host, {
      layout: metainfo.layout,
      storage,
      limits: uploadLimits,
      clock,
      random,
    });
    this.#recount();
  }

  /**
   * Finds out what is on disk and sets everything up.
   *
   * @param host What is told of pieces and errors.
   * @param options See {@linkcode TorrentContentOptions}.
   * @returns The content, stopped.
   */
  static async open(
    host: DownloadHost & UploadHost,
    options: TorrentContentOptions,
  ): Promise<TorrentContent> {
    const { metainfo, context, torrent, onProgress, signal } = options;
    if (needsPieceLayers(metainfo)) {
      throw new SessionError(
        "bad-metadata",
        "Cannot download: the piece layers of this v2 torrent are not known",
      );
    }
    const made: { content?: TorrentContent } = {};
    const chosen = torrent.files ?? torrent.chooseFiles?.(metainfo);
    const skippedFiles = skippedOf(metainfo, chosen && new Set(chosen));
    const storage = await context.disk(torrent.fileSystem ?? torrent.dir ?? ".")
      .add({
        infoHash: metainfo.infoHash,
        layout: metainfo.layout,
        paths: diskPaths(metainfo),
        pieces: metainfo.pieces,
        pieceRoot: (pieceIndex) => pieceRoot(metainfo, pieceIndex),
      }, {
        existing: torrent.seedMode
          ? "trust"
          : torrent.resumeData === undefined
          ? "verify"
          : "resume",
        resume: torrent.resumeData,
        skippedFiles,
        readOnly: isReadOnly(torrent),
        onProgress,
        onEvent: (event) => made.content?.download.handleStorage(event),
        signal,
      });
    return made.content = new TorrentContent(host, storage, options);
  }

  /** What is verified. */
  get have(): Bitfield {
    return this.storage.have;
  }

  /** Whether all that is wanted is there. */
  get isDone(): boolean {
    return this.#doneBytes >= this.#wantedBytes && this.download.picker.isDone;
  }

  /**
   * Bytes of a piece that peers may ask for. In v2-only torrents the last piece
   * of a file is short, but libtorrent asks for whole blocks of it and takes
   * the rest for padding.
   */
  servedSize(pieceIndex: number): number {
    return this.#isV2Only
      ? this.layout.pieceLength
      : this.layout.pieceSize(pieceIndex);
  }

  /** Defined while sockets should not be read. */
  pressure(): Promise<void> | undefined {
    return this.storage.pressure;
  }

  /** Reads the figures of the moment. */
  figures(): ContentFigures {
    return {
      wantedBytes: this.#wantedBytes,
      doneBytes: this.#doneBytes,
      wastedBytes: this.download.wastedBytes,
      downloadRate: this.download.rate,
      uploadRate: this.upload.rate,
      piecesDone: this.storage.have.count,
    };
  }

  /** Starts both directions; what is never written is not asked for. */
  start(): void {
    if (!this.#readOnly) this.download.start();
    this.upload.start();
  }

  /** Stops both directions. */
  stop(): void {
    this.download.stop();
    this.upload.stop();
  }

  /** Chooses whom to serve by whether we are done. */
  setSeeding(seeding: boolean): void {
    this.upload.setSeeding(seeding);
  }

  /** Fetches in order, or rarest first. */
  setSequential(inOrder: boolean): void {
    this.download.picker.pieces.setStrategy(
      inOrder ? sequential() : rarestFirst(),
    );
  }

  /** Wants these files and no others; one selection at a time. */
  selectFiles(files: ReadonlySet<number>): Promise<void> {
    const done = this.#selecting.then(() => this.#select(files));
    this.#selecting = done.catch(() => {});
    return done;
  }

  async #select(files: ReadonlySet<number>): Promise<void> {
    try {
      for (let i = 0; i < this.layout.files.length; i++) {
        if (!this.layout.files[i]!.pad) {
          await this.storage.setFileWanted(i, files.has(i));
        }
      }
    } finally {
      this.#recount();
      this.download.wantsChanged();
    }
  }

  /** Once a second. */
  tick(now: number): void {
    this.download.tick(now);
    this.upload.tick(now);
    this.revealer.tick(now);
  }

  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void {
    this.download.addPeer(peer);
    this.upload.addPeer(peer);
    this.revealer.connected(peer);
  }

  /** Forgets a peer. */
  removePeer(peer: SwarmPeer): void {
    this.download.removePeer(peer);
    this.upload.removePeer(peer);
    this.revealer.gone(peer.key);
  }

  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void {
    switch (event.type) {
      case "serve":
      case "serve-cancelled":
      case "interested":
      case "not-interested":
        this.upload.handle(peer, event);
        return;
    }
    this.download.handle(peer, event);
    if (event.type === "have") {
      this.revealer.peerHas(peer.key, event.pieceIndex);
    } else if (event.type === "bitfield" || event.type === "have-all") {
      this.revealer.peerHas(peer.key);
    }
  }

  /** Closes the files, or deletes them. */
  async close(deleteFiles: boolean): Promise<void> {
    if (deleteFiles) await this.storage.remove({ deleteFiles });
    else await this.storage.close();
  }

  /** Derives which pieces are wanted from which files are. */
  #recount(): void {
    const { layout, storage } = this;
    this.#wanted.fill(0);
    for (let i = 0; i < layout.files.length; i++) {
      if (layout.files[i]!.pad || !storage.isFileWanted(i)) continue;
      const { first, end } = layout.filePieces(i);
      this.#wanted.fill(1, first, end);
    }
    this.#wantedBytes = this.#doneBytes = 0;
    for (let i = 0; i < layout.pieceCount; i++) {
      if (this.#wanted[i] === 0) continue;
      const size = layout.payloadSize(i);
      this.#wantedBytes += size;
      if (storage.have.has(i)) this.#doneBytes += size;
    }
    this.download.picker.pieces.setPriorities(
      this.#wanted.map((wanted) => wanted * WANTED),
    );
  }
}

function isReadOnly(torrent: AddTorrentOptions): boolean {
  return torrent.readOnly ?? torrent.seedMode ?? false;
}

function skippedOf(
  metainfo: Metainfo,
  chosen: ReadonlySet<number> | undefined,
): Set<number> | undefined {
  if (chosen === undefined) return undefined;
  const skipped = new Set<number>();
  metainfo.files.forEach((file, i) => {
    if (!file.pad && !chosen.has(i)) skipped.add(i);
  });
  return skipped;
}
