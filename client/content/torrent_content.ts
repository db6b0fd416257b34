/**
 * What a torrent has once its description is known: storage, download and
 * upload.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type {
  PiecesLostEvent,
  RemoveOptions,
  TorrentStorage,
  TorrentStorageEvent,
} from "../../disk/storage.ts";
import type { RenamedFile } from "../../metainfo/disk_paths.ts";
import type { Metainfo, PieceLayout, PieceRange } from "../../metainfo/mod.ts";
import {
  DEFAULT_PRIORITY,
  type SelectionStrategy,
} from "../../select/selection_strategy.ts";
import type { TorrentStats } from "../types.ts";
import type { TorrentHost } from "./torrent_host.ts";
import type { Download } from "./download.ts";
import { DuePieces, Wishes } from "./wishes.ts";
import { HashServer } from "./hash_server.ts";
import { isReadOnly, openStorage, type SetupOptions } from "./open_storage.ts";
import type { PeerSessionEvent } from "../../peer/mod.ts";
import { orderOf, strategyOf } from "./order.ts";
import type { PolicyOptions } from "../policy_options.ts";
import type { PieceRevealer } from "./reveal.ts";
import { PeerBooks } from "./peer_books.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import {
  lostWarning,
  partWarning,
  surplusWarning,
  unreadableWarning,
} from "./torrent_warnings.ts";
import { WebSeeds } from "./web_seeds.ts";

/**
 * Storage, download and upload of one torrent. The books of the latter two are
 * made for the first peer and go with the last.
 */
export class TorrentContent {
  /** Whose it is. */
  readonly torrent: TorrentHost;
  /** Where the pieces are. */
  readonly storage: TorrentStorage;
  /** Files that lie under other names than the torrent says. */
  readonly renamed: readonly RenamedFile[];
  readonly layout: PieceLayout;
  readonly hashes: HashServer | undefined;
  /** What is wanted how much. */
  readonly wishes: Wishes;
  /** Web servers that have the files. */
  readonly webSeeds: WebSeeds = new WebSeeds(this);
  /** Whether nothing is fetched. */
  readonly isReadOnly: boolean;
  #peerBooks: PeerBooks | undefined;
  /** In which order pieces are fetched. */
  strategy: SelectionStrategy;
  readonly #due = new DuePieces();
  #active = false;
  #wasted = 0;
  /** Whether pieces came in since the files were last confirmed. */
  isUnproven = false;
  #confirming: Promise<void> | undefined;
  /** Pieces that are not wanted any more as nothing is written. */
  #lostPieces: number[] | undefined;
  #selecting: Promise<void> = Promise.resolve();

  private constructor(
    torrent: TorrentHost,
    storage: TorrentStorage,
    renamed: readonly RenamedFile[],
    metainfo: Metainfo,
  ) {
    const { options, context } = torrent;
    this.storage = storage;
    this.renamed = renamed;
    this.torrent = torrent;
    this.isReadOnly = isReadOnly(options);
    this.layout = metainfo.layout;
    this.hashes = metainfo.pieceLayers !== undefined
      ? new HashServer(metainfo)
      : undefined;
    this.strategy = orderOf(options, context.options, metainfo.layout);
    this.wishes = new Wishes(
      metainfo.layout,
      storage.have,
      options.firstLastPieces,
    );
    this.#wishAsAsked();
  }

  /** Finds out what is on disk and sets everything up. */
  static async open(
    torrent: TorrentHost,
    metainfo: Metainfo,
    check: SetupOptions,
  ): Promise<TorrentContent> {
    const made: { content?: TorrentContent } = {};
    const early: TorrentStorageEvent[] = [];
    const onEvent = (event: TorrentStorageEvent) => {
      if (made.content === undefined) early.push(event);
      else made.content.#handleStorage(event);
    };
    const { storage, renamed } = await openStorage(
      torrent,
      metainfo,
      check,
      onEvent,
    );
    const content = new TorrentContent(torrent, storage, renamed, metainfo);
    made.content = content;
    for (const event of early) content.#handleStorage(event, true);
    content.#leaveOutMissing();
    return content;
  }

  /** What is verified. */
  get have(): Bitfield {
    return this.storage.have;
  }

  /** Asks peers and web seeds for blocks. */
  get download(): Download {
    return this.#books().download;
  }

  /** Makes sure that the files are in their places, for saying so. */
  confirm(): Promise<void> {
    return this.#confirming ??= this.storage.confirm()
      .then(() => void (this.isUnproven = false))
      .finally(() => this.#confirming = undefined);
  }

  /** Whether pieces were lost that will not be fetched again. */
  get hasLost(): boolean {
    return this.#lostPieces !== undefined;
  }

  /** Tells peers of our pieces. */
  get revealer(): PieceRevealer {
    return this.#books().revealer;
  }

  /**
   * Bytes of a piece that peers may ask for. In v2-only torrents the last piece
   * of a file is short, but libtorrent asks for whole blocks of it and takes
   * the rest for padding.
   */
  servedSize(pieceIndex: number): number {
    return this.torrent.metainfo?.version === "v2"
      ? this.layout.pieceLength
      : this.layout.pieceSize(pieceIndex);
  }

  /** Reads the figures of the moment. */
  figures(): Pick<
    TorrentStats,
    | "wantedBytes"
    | "doneBytes"
    | "wastedBytes"
    | "downloadRate"
    | "uploadRate"
    | "piecesDone"
  > {
    const { wantedBytes, doneBytes } = this.wishes;
    const { download, upload } = this.#peerBooks ?? {};
    return {
      wantedBytes,
      doneBytes,
      wastedBytes: this.#wasted + (download?.wastedBytes ?? 0),
      downloadRate: download?.rate ?? 0,
      uploadRate: upload?.rate ?? 0,
      piecesDone: this.storage.have.count,
    };
  }

  /** Tells how many connected peers have a piece. */
  availability(pieceIndex: number): number {
    return this.#peerBooks?.download.picker.pieces.availability(pieceIndex) ??
      0;
  }

  /** Tells how many whole copies the connected peers have together. */
  distributedCopies(): number {
    return this.#peerBooks?.download.picker.pieces.distributedCopies() ?? 0;
  }

  /** Starts both directions; what is never written is not asked for. */
  start(): void {
    this.#active = true;
    this.#peerBooks?.start();
    this.#followWishes();
  }

  /** Stops both directions. */
  stop(): void {
    this.#active = false;
    this.#followWishes();
    this.#peerBooks?.stop();
  }

  /** Chooses whom to serve by whether all that is wanted is there. */
  completeChanged(): void {
    this.#followWishes();
    this.#peerBooks?.upload.completeChanged();
  }

  /** Fetches pieces in another order. */
  setStrategy(choice: NonNullable<PolicyOptions["strategy"]>): void {
    const strategy = this.strategy = strategyOf(choice);
    this.#peerBooks?.download.picker.pieces.setStrategy(strategy);
    this.#peerBooks?.download.refillAll();
  }

  /** Gives files other priorities; one change at a time. */
  setFilePriorities(
    priorities: ReadonlyMap<number, number>,
  ): Promise<void> {
    const done = this.#selecting.then(() => this.#prioritise(priorities));
    this.#selecting = done.catch(() => {});
    return done;
  }

  /** Gives pieces priorities of their own; `undefined` for that of their files. */
  setPiecePriorities(
    priorities: ReadonlyMap<number, number | undefined>,
  ): void {
    this.wishes.setPieces(priorities);
    this.#wishesChanged();
  }

  /** Wants a piece by a moment, before all others; `undefined` for no more. */
  setDeadline(pieceIndex: number, at: number | undefined): void {
    this.#due.set(pieceIndex, this.have.has(pieceIndex) ? undefined : at);
    this.#tellDue([pieceIndex]);
  }

  /** Wants pieces by moments for readers, instead of what they wanted before. */
  readSoon(moments: ReadonlyMap<number, number>): void {
    this.#tellDue(this.#due.read(moments));
  }

  /** Wants the pieces that are read, whatever their files are. */
  setRead(ranges: readonly PieceRange[]): void {
    if (this.isReadOnly || !this.wishes.setRead(ranges)) return;
    this.#wishesChanged();
    this.torrent.updateProgress();
  }

  /** Notes that the storage found other pieces than before. */
  rechecked(): void {
    const lost = this.#lostPieces ?? [];
    this.#lostPieces = undefined;
    this.wishes.setPieces(lost.map((i) => [i, undefined]));
    this.#dropBooks();
  }

  /** The same as far as a check came that failed. */
  recheckFailed(): void {
    this.wishes.recount();
    this.#dropBooks();
  }

  /** Once a second, while there are peers. */
  tick(now: number): void {
    this.#peerBooks?.tick(now);
  }

  /** Frees what only peers need, unless a piece waits to be verified. */
  rest(): void {
    const { picker } = this.#peerBooks?.download ?? {};
    if (
      picker !== undefined && picker.stats().complete === 0 &&
      !this.webSeeds.isActive
    ) {
      this.#dropBooks();
    }
  }

  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void {
    this.#books().add(peer);
  }

  /** Forgets a peer. */
  removePeer(peer: SwarmPeer): void {
    this.#peerBooks?.remove(peer);
  }

  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void {
    this.#books().handle(peer, event);
  }

  /** Tells which pieces a peer is served first. */
  servedFirst(key: number): ((pieceIndex: number) => boolean) | undefined {
    return this.#peerBooks?.upload.firstCopies.firstFor(key);
  }

  /** Closes the files, or deletes them. */
  async close(options: RemoveOptions): Promise<void> {
    await this.webSeeds.close();
    await this.storage.remove(options);
  }

  #books(): PeerBooks {
    return this.#peerBooks ??= this.#makeBooks();
  }

  #makeBooks(): PeerBooks {
    const books = new PeerBooks(this);
    const { pieces } = books.download.picker;
    const { priorities } = this.wishes;
    if (priorities !== undefined) pieces.setPriorities(priorities);
    for (const pieceIndex of this.#due.pieces()) {
      pieces.setDeadline(pieceIndex, this.#due.at(pieceIndex));
    }
    if (this.#active) books.start();
    return books;
  }

  /** A piece is verified and written. */
  pieceDone(pieceIndex: number): void {
    this.#verified(pieceIndex);
    this.#peerBooks?.revealer.verified(pieceIndex);
    this.#tellDone(pieceIndex);
  }

  #tellDone(pieceIndex: number): void {
    this.torrent.publish({ type: "piece", pieceIndex, good: true });
    this.torrent.updateProgress();
  }

  #dropBooks(): void {
    const books = this.#peerBooks;
    if (books === undefined) return;
    this.#wasted += books.download.wastedBytes;
    books.close();
    this.#peerBooks = undefined;
  }

  #verified(pieceIndex: number): void {
    this.isUnproven = true;
    this.wishes.verified(pieceIndex);
    this.#due.done(pieceIndex);
  }

  /** Takes an event; of the time of the check its pieces are counted already. */
  #handleStorage(event: TorrentStorageEvent, counted = false): void {
    const metainfo = this.torrent.metainfo!;
    if (event.type === "surplus") {
      return this.torrent.publish(surplusWarning(event.files, metainfo));
    }
    if (event.type === "unreadable") {
      const { files, error } = event;
      return this.torrent.publish(unreadableWarning(files, error, metainfo));
    }
    if (event.type === "pieces-lost") return this.#lost(event);
    if (this.#peerBooks !== undefined) {
      this.#peerBooks.download.handleStorage(event);
      return;
    }
    if (event.type === "error") {
      if (event.paused) this.torrent.fail(event.error);
    } else if (event.type === "piece-bad") {
      const { pieceIndex } = event;
      this.torrent.publish({ type: "piece", pieceIndex, good: false });
    } else if (counted) this.#tellDone(event.pieceIndex);
    else this.pieceDone(event.pieceIndex);
  }

  /** Where nothing is written, what is good is served, if anything is. */
  #leaveOutMissing(): void {
    const { have } = this;
    if (!this.isReadOnly || have.isEmpty || this.wishes.isDone) return;
    const missing: number[] = [];
    for (let i = 0; i < have.length; i++) if (!have.has(i)) missing.push(i);
    this.#lostPieces = missing;
    this.wishes.setPieces(missing.map((i) => [i, 0]));
    this.torrent.publish(partWarning(have, this.torrent.metainfo!));
  }

  /** Pieces are wanted again; where nothing is written, no more. */
  #lost({ pieces, error }: PiecesLostEvent): void {
    if (this.isReadOnly) {
      this.wishes.setPieces(pieces.map((i) => [i, 0]));
      // They may be more than a call takes arguments.
      this.#lostPieces = [...this.#lostPieces ?? [], ...pieces];
    } else this.wishes.recount();
    const download = this.#peerBooks?.download;
    for (const i of pieces) download?.picker.pieces.clearHave(i);
    this.#wishesChanged();
    this.torrent.publish(lostWarning(pieces, error));
    if (this.isReadOnly && this.have.isEmpty) this.torrent.fail(error);
    else this.torrent.updateProgress();
  }

  async #prioritise(priorities: ReadonlyMap<number, number>): Promise<void> {
    const { layout, storage } = this;
    const done: [number, number][] = [];
    try {
      for (const [fileIndex, priority] of priorities) {
        if (layout.files[fileIndex]!.pad) continue;
        const wanted = priority > 0;
        if (storage.isFileWanted(fileIndex) !== wanted) {
          await storage.setFileWanted(fileIndex, wanted);
        }
        done.push([fileIndex, priority]);
      }
    } finally {
      this.wishes.setFiles(done);
      this.#wishesChanged();
    }
  }

  /** What was asked for; files that the storage leaves out are not wanted. */
  #wishAsAsked(): void {
    const { layout, storage } = this;
    const { filePriorities = [], piecePriorities } = this.torrent.options;
    const files: [number, number][] = [];
    for (let i = 0; i < layout.files.length; i++) {
      if (layout.files[i]!.pad) continue;
      const priority = filePriorities[i] ?? DEFAULT_PRIORITY;
      if (!storage.isFileWanted(i)) files.push([i, 0]);
      else if (priority !== DEFAULT_PRIORITY) files.push([i, priority]);
    }
    this.wishes.setFiles(files);
    if (piecePriorities !== undefined) {
      this.wishes.setPieces(
        piecePriorities.filter(([index]) => index < layout.pieceCount),
      );
    }
  }

  /** Asks web seeds while something is wanted, written, and not there. */
  #followWishes(): void {
    this.webSeeds.follow(
      this.#active && !this.isReadOnly && !this.wishes.isDone,
    );
  }

  #tellDue(pieces: readonly number[]): void {
    if (pieces.length === 0) return;
    const due = pieces.map((i) => [i, this.#due.at(i)] as const);
    this.#peerBooks?.download.dueChanged(due);
  }

  #wishesChanged(): void {
    this.#followWishes();
    const download = this.#peerBooks?.download;
    if (download === undefined) return;
    const { priorities } = this.wishes;
    download.picker.pieces.setPriorities(
      priorities ?? new Uint8Array(this.layout.pieceCount)
        .fill(DEFAULT_PRIORITY),
    );
    download.wantsChanged();
  }
}
