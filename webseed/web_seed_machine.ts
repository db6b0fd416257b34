/**
 * What is asked of one web seed, and what is thought of it.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { Machine } from "../_shared/machine.ts";
import { Patience } from "./patience.ts";
import { RateMeter } from "../_shared/rate_meter.ts";
import {
  BLOCK_SIZE,
  type BlockAddress,
  type PieceLayout,
} from "../metainfo/piece_layout.ts";
import { type AnswerHeaders, judgeWebSeedAnswer } from "./answer.ts";
import {
  noteSpeed,
  requestHeaders,
  SILENCE_MS,
  startTransfer,
  type Transfer,
} from "./transfer.ts";
import { BlockCutter } from "./block_cutter.ts";
import { firstWhole, MAX_REQUEST, nextWhole, planRanges } from "./plan.ts";
import { redirectUrl } from "./url.ts";
import { WebSeedFiles } from "./web_seed_files.ts";
import type {
  WebSeedInput,
  WebSeedMachineOptions,
  WebSeedOutput,
  WebSeedState,
} from "./web_seed_types.ts";

/** Transfers at a time; one while nothing has come, or whole files do. */
const MAX_TRANSFERS = 3;
/** Bytes of the smallest transfer, and how much time one is to take. */
const LEAST_BYTES = 1024 * 1024;
const TRANSFER_MS = 4_000;
const MAX_REDIRECTS = 5;

/**
 * One web seed of a torrent: plans requests, judges answers, waits after
 * failures, and leaves files alone that are not there or bad. Time in
 * milliseconds of any steady clock.
 */
export class WebSeedMachine implements Machine<WebSeedInput, WebSeedOutput> {
  readonly #options: WebSeedMachineOptions;
  readonly #layout: PieceLayout;
  readonly #files: WebSeedFiles;
  readonly #transfers = new Map<number, Transfer>();
  readonly #outputs: WebSeedOutput[] = [];
  readonly #meter = new RateMeter();
  readonly #patience: Patience;
  #nextId = 1;
  #sendsParts = true;
  #message: string | undefined;

  /**
   * Makes a web seed that nothing was asked of yet.
   *
   * @param options See {@linkcode WebSeedMachineOptions}.
   */
  constructor(options: WebSeedMachineOptions) {
    this.#options = options;
    this.#patience = new Patience(
      options.random,
      () => void this.#outputs.push({ type: "state" }),
    );
    this.#layout = options.torrent.layout;
    const { url, torrent, isLacking } = options;
    this.#files = new WebSeedFiles(url, torrent, isLacking);
  }

  /** Pieces that it may be asked for; live. */
  get pieces(): Bitfield {
    return this.#files.pieces;
  }

  /** What it is doing. */
  get state(): WebSeedState {
    return this.#patience.state;
  }

  /** When it may be asked again, in state `waiting`. */
  get waitsUntil(): number | undefined {
    return this.#patience.waitsUntil;
  }

  /** What went wrong last; nothing of a URL but what a server says. */
  get message(): string | undefined {
    return this.#message;
  }

  /** Whether the server sends parts of files, as far as is known. */
  get sendsParts(): boolean {
    return this.#sendsParts;
  }

  /** Payload received, in bytes. */
  get downloadedBytes(): number {
    return this.#meter.total;
  }

  /**
   * Payload received.
   *
   * @param now The time in milliseconds.
   * @returns Bytes a second.
   */
  downloadRate(now: number): number {
    return this.#meter.rate(now);
  }

  /** Transfers under way. */
  get active(): number {
    return this.#transfers.size;
  }

  /**
   * How many blocks may be wanted.
   *
   * @param now The time in milliseconds.
   * @returns The count; 0 while nothing may be wanted.
   */
  window(now: number): number {
    const most = !this.#patience.hasFailed && this.#sendsParts &&
        this.#meter.total > 0
      ? MAX_TRANSFERS
      : 1;
    if (this.state !== "ready" || this.#transfers.size >= most) return 0;
    const bytes = this.downloadRate(now) * TRANSFER_MS / 1000;
    const wanted = Math.min(MAX_REQUEST, Math.max(LEAST_BYTES, bytes));
    return Math.ceil(
      Math.max(wanted, this.#layout.pieceLength) / BLOCK_SIZE,
    );
  }

  /** When {@linkcode WebSeedMachine.handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    let first = this.waitsUntil;
    for (const { since } of this.#transfers.values()) {
      const at = since === undefined ? Infinity : since + SILENCE_MS;
      if (at < (first ?? Infinity)) first = at;
    }
    return first;
  }

  /**
   * Gives up servers that are silent, and ends a wait that is over.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void {
    for (const transfer of [...this.#transfers.values()]) {
      if (transfer.since === undefined || transfer.since + SILENCE_MS > now) {
        continue;
      }
      this.#fail(transfer, "The server sends nothing", now);
    }
    this.#patience.handleTimeout(now);
  }

  /**
   * Takes the next output.
   *
   * @returns What to do, or `undefined` when nothing is left.
   */
  poll(): WebSeedOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Takes what happened.
   *
   * @param input What.
   * @param now The time in milliseconds.
   */
  handle(input: WebSeedInput, now: number): void {
    switch (input.type) {
      case "want":
        return this.#want(input.blocks, now);
      case "cancel":
        return this.#cancel(input.block);
      case "bad":
        return this.#bad(input.pieceIndex);
      case "stop":
        return this.#endAll();
      case "close":
        this.#endAll();
        return this.#patience.to("closed");
    }
    // What comes of a transfer that is over is of no use.
    const transfer = this.#transfers.get(input.id);
    if (transfer === undefined) return;
    switch (input.type) {
      case "awaiting":
        transfer.since = now;
        break;
      case "answer":
        transfer.since = undefined;
        this.#answered(transfer, input.status, input.headers, now);
        break;
      case "bytes":
        this.#received(transfer, input.data, now);
        break;
      case "ended":
        transfer.since = undefined;
        if (transfer.position < transfer.range.end) {
          this.#fail(transfer, "The server closed the connection early", now);
        } else this.#goOn(transfer, now);
        break;
      case "failed":
        if (input.isLocal) this.#end(transfer);
        else if (input.isForbidden) {
          this.#message = input.reason;
          if (transfer.redirects > 0 || this.#isAtMoved(transfer)) {
            this.#drop(transfer, now);
          } else this.#ban();
        } else this.#fail(transfer, input.reason, now);
    }
  }

  #want(blocks: readonly BlockAddress[], now: number): void {
    const layout = this.#layout;
    const id = this.#nextId++;
    const { pieceLength } = layout;
    const wanted = new Map(blocks.map((block) => [
      block.pieceIndex * pieceLength + block.blockOffset,
      block,
    ]));
    const ranges = this.#sendsParts
      ? planRanges(layout, blocks)
      : blocks.slice(0, 1).map(({ pieceIndex }) =>
        this.#files.whole(
          firstWhole(layout, pieceIndex, this.#files.isLacking),
        )
      );
    const range = ranges.shift();
    if (range === undefined || this.window(now) === 0) {
      this.#outputs.push({ type: "done", id, blocks, failed: false });
      return;
    }
    const cutter = new BlockCutter(layout, (pieceIndex, blockOffset, data) => {
      wanted.delete(pieceIndex * pieceLength + blockOffset);
      this.#outputs.push({ type: "block", pieceIndex, blockOffset, data });
    });
    const isWhole = !this.#sendsParts;
    const transfer = startTransfer({
      id,
      wanted,
      cutter,
      ranges,
      range,
      isWhole,
    });
    this.#transfers.set(id, transfer);
    this.#ask(transfer, now);
  }

  /** Asks for the range of a transfer. */
  #ask(transfer: Transfer, now: number): void {
    const { fileIndex } = transfer.range;
    if (this.#files.isDropped(fileIndex)) return this.#end(transfer);
    if (transfer.isWhole && !this.#isWorth(fileIndex)) {
      this.#patience.unworthy(now);
      return this.#end(transfer);
    }
    transfer.redirects = 0;
    const isMoved = this.#files.isMoved(fileIndex);
    this.#send(transfer, this.#files.url(fileIndex), isMoved);
  }

  /** Whether a whole file may be read. */
  #isWorth(fileIndex: number): boolean {
    return (this.#options.isAlone?.() ?? true) ||
      this.#files.isWorth(fileIndex);
  }

  #send(transfer: Transfer, url: string, isRedirect: boolean): void {
    const { url: base } = this.#options;
    const { id, isWhole, range } = transfer;
    const headers = requestHeaders(base, url, isWhole ? undefined : range);
    transfer.url = url;
    transfer.position = range.start;
    this.#outputs.push({ type: "request", id, url, headers, isRedirect });
  }

  #answered(
    transfer: Transfer,
    status: number,
    headers: AnswerHeaders,
    now: number,
  ): void {
    const { range } = transfer;
    const { fileIndex } = range;
    const fileLength = this.#layout.file(fileIndex).length;
    const verdict = judgeWebSeedAnswer(status, headers, {
      ...range,
      fileLength,
    });
    if (
      this.#isAtMoved(transfer) &&
      (verdict.type === "drop" || verdict.type === "retry")
    ) {
      // Where it was moved to it is no more.
      this.#files.setMoved(fileIndex, undefined);
      return this.#ask(transfer, now);
    }
    switch (verdict.type) {
      case "redirect":
        return this.#redirected(transfer, verdict.location, now);
      case "drop":
        this.#message = verdict.reason;
        return this.#drop(transfer, now);
      case "retry":
        return this.#fail(transfer, verdict.reason, now, verdict.afterMs);
      case "whole":
        if (!this.#startsWhole(transfer, fileLength, now)) return;
    }
    if (transfer.redirects > 0) this.#files.setMoved(fileIndex, transfer.url);
    this.#patience.answered();
    this.#outputs.push({ type: "read", id: transfer.id });
  }

  /** Whether a file is asked for where it was moved to earlier. */
  #isAtMoved({ range, redirects }: Transfer): boolean {
    return redirects === 0 && this.#files.isMoved(range.fileIndex);
  }

  /** Takes a whole file where a part was asked for; false where it is too much. */
  #startsWhole(transfer: Transfer, length: number, now: number): boolean {
    const { range } = transfer;
    if (range.start === 0 && range.end === length) return true;
    this.#sendsParts = false;
    transfer.isWhole = true;
    transfer.ranges.length = 0;
    transfer.range = this.#files.whole(range.fileIndex);
    transfer.position = 0;
    if (this.#isWorth(range.fileIndex)) return true;
    this.#patience.unworthy(now);
    this.#end(transfer);
    return false;
  }

  #redirected(transfer: Transfer, location: string, now: number): void {
    if (++transfer.redirects > MAX_REDIRECTS) {
      return this.#fail(transfer, "The server redirects too many times", now);
    }
    const url = redirectUrl(location, transfer.url);
    if (url === undefined) {
      const reason = "The server redirects to a URL that is not http or https";
      return this.#fail(transfer, reason, now);
    }
    this.#files.setMoved(transfer.range.fileIndex, undefined);
    this.#send(transfer, url, true);
  }

  #received(transfer: Transfer, data: Uint8Array, now: number): void {
    const { range, position } = transfer;
    const room = range.end - position;
    const bytes = data.length > room ? data.subarray(0, room) : data;
    this.#meter.add(bytes.length, now);
    const isSlow = noteSpeed(transfer, bytes.length, now);
    transfer.position += bytes.length;
    transfer.cutter.feed(range.fileIndex, position, bytes);
    if (data.length > room) {
      this.#message = "The server sends more than the file has";
      return this.#drop(transfer, now);
    }
    if (isSlow) return this.#fail(transfer, "The server is too slow", now);
    if (
      transfer.isWhole && transfer.position < range.end &&
      this.#files.isRestUseless(range.fileIndex, transfer.position)
    ) {
      this.#patience.succeeded();
      this.#end(transfer);
    }
  }

  /** Asks for what is next after a good answer. */
  #goOn(transfer: Transfer, now: number): void {
    this.#patience.succeeded();
    const { range, ranges, isWhole } = transfer;
    const next = isWhole
      ? nextWhole(this.#layout, range.fileIndex, this.#files.isLacking)
      : undefined;
    const following = next === undefined
      ? ranges.shift()
      : this.#files.whole(next);
    if (following === undefined) return this.#end(transfer);
    transfer.range = following;
    this.#ask(transfer, now);
  }

  #cancel({ pieceIndex, blockOffset }: BlockAddress): void {
    const address = pieceIndex * this.#layout.pieceLength + blockOffset;
    for (const transfer of this.#transfers.values()) {
      if (!transfer.wanted.delete(address)) continue;
      if (transfer.wanted.size === 0 && !transfer.isWhole) this.#end(transfer);
      return;
    }
  }

  #bad(pieceIndex: number): void {
    this.#message = `Piece ${pieceIndex} failed its hash check`;
    const lost = this.#files.bad(pieceIndex);
    if (lost === undefined) return this.#ban();
    this.#lost(lost);
    this.#leaveDropped();
  }

  #drop(transfer: Transfer, now: number): void {
    const lost = this.#files.drop(transfer.range.fileIndex);
    this.#end(transfer, true);
    this.#lost(lost);
    this.#leaveDropped();
    this.#patience.dropped(now);
  }

  #lost(pieces: readonly number[]): void {
    if (pieces.length === 0) return;
    this.#outputs.push({ type: "lost", pieces });
    if (this.pieces.isEmpty) this.#patience.to("gone");
  }

  /** Ends transfers of files that are left alone. */
  #leaveDropped(): void {
    for (const transfer of [...this.#transfers.values()]) {
      if (this.#files.isDropped(transfer.range.fileIndex)) this.#end(transfer);
    }
  }

  #ban(): void {
    this.#patience.to("banned");
    this.#endAll();
    this.#lost(this.#files.dropAll());
  }

  #fail(
    transfer: Transfer,
    reason: string,
    now: number,
    afterMs?: number,
  ): void {
    this.#message = reason;
    this.#files.setMoved(transfer.range.fileIndex, undefined);
    this.#end(transfer, true);
    this.#patience.failed(now, afterMs);
  }

  #end(transfer: Transfer, failed = false): void {
    if (!this.#transfers.delete(transfer.id)) return;
    const blocks = [...transfer.wanted.values()];
    this.#outputs.push({ type: "done", id: transfer.id, blocks, failed });
  }

  #endAll(): void {
    for (const transfer of [...this.#transfers.values()]) this.#end(transfer);
  }
}
