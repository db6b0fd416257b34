/**
 * The objects of one torrent.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import { DiskError, filesError, norMore } from "../error.ts";
import type { FoundPieces, PieceRun, PieceStore } from "../piece_store.ts";
import type { StorageTorrent } from "../storage.ts";
import { FileMaker } from "./file_maker.ts";
import type { S3Client } from "./s3_client.ts";
import { checkRange, checkStored, WrongAnswer } from "./s3_answer.ts";
import { type S3Object, tryDecodeList } from "./s3_xml.ts";

/** What an {@linkcode ObjectStore} works with. */
export interface ObjectStoreContext {
  readonly client: S3Client;
  readonly torrent: StorageTorrent;
  /** What all keys begin with: empty, or with a slash at its end. */
  readonly prefix: string;
  /** As hex. */
  readonly infoHash: string;
  /** Whether objects may be replaced that are not ours. */
  readonly mayReplace: boolean;
  readonly isReadOnly: boolean;
  /** Told when nothing more is asked. */
  readonly onClose: () => void;
}

/** An object that is, or may be, a file of the torrent. */
interface FileObject {
  readonly etag: string;
  /** Whether it was made of verified pieces. */
  readonly isOurs: boolean;
}

/** Says of an object that it was made of the pieces of a torrent. */
const OURS = "x-amz-meta-bip-info-hash";

/** Requests of one search at a time. */
const PARALLEL = 16;

/** Pieces and files of one torrent as objects. */
export class ObjectStore implements PieceStore {
  readonly #context: ObjectStoreContext;
  readonly #torrent: StorageTorrent;
  readonly #client: S3Client;
  /** Where pieces are, with a slash at its end. */
  readonly #folder: string;
  /** Pieces that are objects. */
  #pieces: Bitfield;
  readonly #files = new Map<number, FileObject>();
  readonly #maker: FileMaker;

  constructor(context: ObjectStoreContext) {
    const { client, torrent, prefix, infoHash } = context;
    this.#context = context;
    this.#torrent = torrent;
    this.#client = client;
    this.#folder = `${prefix}.bip/${infoHash}/`;
    this.#pieces = new Bitfield(torrent.layout.pieceCount);
    this.#maker = new FileMaker({
      client,
      layout: torrent.layout,
      meta: [OURS, infoHash],
      keyOfPiece: (i) => this.#pieces.has(i) ? this.#keyOfPiece(i) : undefined,
      keyOfFile: (i) => this.#keyOfFile(i),
      folder: this.#folder,
      read: (...span) => this.readRange(...span),
    });
  }

  async find(signal?: AbortSignal): Promise<FoundPieces> {
    const { layout } = this.#torrent;
    const pieces = new Bitfield(layout.pieceCount);
    for await (const { key, size } of this.#list(signal)) {
      const name = key.slice(this.#folder.length);
      this.#maker.note(name);
      if (!/^\d{7,9}$/.test(name)) continue;
      const pieceIndex = Number(name);
      if (
        pieceIndex < layout.pieceCount && size === layout.pieceSize(pieceIndex)
      ) pieces.set(pieceIndex);
    }
    this.#pieces = pieces;
    this.#files.clear();
    const foreign: number[] = [];
    await eachAtOnce(layout.files.keys(), PARALLEL, async (fileIndex) => {
      const { pad, length } = layout.files[fileIndex]!;
      if (pad) return;
      const size = await this.#lookFor(fileIndex, signal);
      if (size !== undefined && size !== length) foreign.push(fileIndex);
    });
    if (foreign.length > 0) this.#refuseForeign(foreign);
    const good = new Set<number>(pieces);
    const doubtful: number[] = [];
    for (let i = 0; i < layout.pieceCount; i++) {
      if (good.has(i) || layout.payloadSize(i) === 0) continue;
      const files = this.#filesOf(i).map((file) => this.#files.get(file));
      if (files.every((file) => file?.isOurs)) good.add(i);
      else if (files.every((file) => file !== undefined)) doubtful.push(i);
    }
    return { good, doubtful };
  }

  async writePiece(
    pieceIndex: number,
    runs: readonly PieceRun[],
  ): Promise<void> {
    const length = this.#torrent.layout.pieceSize(pieceIndex);
    let piece: Uint8Array<ArrayBuffer> | undefined;
    await this.#client.send(
      {
        method: "PUT",
        key: this.#keyOfPiece(pieceIndex),
        isSummed: true,
        body: {
          length,
          bytes() {
            const made = piece = new Uint8Array(length);
            for (const { offset, bytes } of runs) made.set(bytes, offset);
            return made;
          },
        },
      },
      undefined,
      checkStored,
    );
    this.#pieces.set(pieceIndex);
    // What is in a file's place may have to stay.
    const isFree = !this.#filesOf(pieceIndex).some((i) => this.#files.has(i));
    if (piece !== undefined && isFree) this.#maker.take(pieceIndex, piece);
  }

  async readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<boolean> {
    if (into.length === 0) return true;
    if (this.#pieces.has(pieceIndex)) {
      const key = this.#keyOfPiece(pieceIndex);
      if (await this.#readObject(key, offset, into)) return true;
      // Another process made files of it meanwhile, if it is anywhere.
      this.#pieces.clear(pieceIndex);
    }
    const { layout } = this.#torrent;
    for (const span of layout.spans(pieceIndex, offset, into.length)) {
      const { fileIndex, fileOffset, dataOffset, length, pad } = span;
      const bytes = into.subarray(dataOffset, dataOffset + length);
      if (pad) {
        bytes.fill(0);
        continue;
      }
      const known = this.#files.get(fileIndex) ?? await this.#see(fileIndex);
      if (known === undefined) return false;
      const key = this.#keyOfFile(fileIndex);
      if (await this.#readObject(key, fileOffset, bytes, known.etag)) continue;
      // It may have been made anew of the same pieces.
      this.#files.delete(fileIndex);
      const anew = await this.#see(fileIndex);
      if (anew === undefined || !anew.isOurs) return false;
      if (!await this.#readObject(key, fileOffset, bytes, anew.etag)) {
        return false;
      }
    }
    return true;
  }

  async finish(fileIndex: number, signal?: AbortSignal): Promise<void> {
    const { layout } = this.#torrent;
    const { first, end } = layout.filePieces(fileIndex);
    // Another torrent may have made one of this name meanwhile.
    if (!this.#files.has(fileIndex)) {
      const size = await this.#lookFor(fileIndex, signal);
      if (size !== undefined && !this.#files.get(fileIndex)?.isOurs) {
        this.#refuseForeign([fileIndex]);
      }
    }
    const known = this.#files.get(fileIndex);
    let isWhole = known !== undefined;
    // What came in pieces is not in a file that was there before.
    for (let i = first; i < end && isWhole && !known!.isOurs; i++) {
      isWhole = !this.#pieces.has(i);
    }
    if (!isWhole) {
      if (known !== undefined) this.#refuseForeign([fileIndex]);
      const etag = await this.#maker.make(fileIndex, signal);
      if (etag === undefined) return;
      this.#files.set(fileIndex, { etag, isOurs: true });
    } else await this.#maker.settle(fileIndex, signal);
    const done = new Set<number>();
    for (let i = first; i < end; i++) {
      if (
        this.#pieces.has(i) &&
        this.#filesOf(i).every((file) => this.#files.get(file)?.isOurs)
      ) done.add(i);
    }
    await eachAtOnce(done, PARALLEL, async (pieceIndex) => {
      this.#pieces.clear(pieceIndex);
      await this.#delete(this.#keyOfPiece(pieceIndex), signal);
    });
  }

  async remove(): Promise<void> {
    const { layout } = this.#torrent;
    const keys: string[] = [];
    for await (const { key } of this.#list()) {
      keys.push(key);
      this.#maker.note(key.slice(this.#folder.length));
    }
    await this.#maker.abandon();
    for (let i = 0; i < layout.files.length; i++) {
      if (layout.files[i]!.pad) continue;
      await this.#lookFor(i);
      if (this.#files.get(i)?.isOurs) keys.push(this.#keyOfFile(i));
    }
    await eachAtOnce(keys, PARALLEL, (key) => this.#delete(key));
    this.#files.clear();
    this.#pieces = new Bitfield(layout.pieceCount);
  }

  async close(): Promise<void> {
    await this.#maker.close();
    this.#context.onClose();
  }

  #keyOfPiece(pieceIndex: number): string {
    return this.#folder + `${pieceIndex}`.padStart(7, "0");
  }

  #keyOfFile(fileIndex: number): string {
    return this.#context.prefix + this.#torrent.paths[fileIndex]!.join("/");
  }

  /** Files that have bytes of a piece, padding left out. */
  #filesOf(pieceIndex: number): number[] {
    const { layout } = this.#torrent;
    return layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex))
      .filter(({ pad }) => !pad).map(({ fileIndex }) => fileIndex);
  }

  #refuseForeign(files: readonly number[]): void {
    if (this.#context.mayReplace || this.#context.isReadOnly) return;
    throw filesError(
      "foreign-file",
      "overwrite",
      files.map((i) => [this.#client.nameOf(this.#keyOfFile(i))]),
      "it is not part of the torrent",
      norMore,
    );
  }

  /** Looks at the object of a file, and gives its length. */
  async #lookFor(
    fileIndex: number,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const key = this.#keyOfFile(fileIndex);
    const { status, headers } = await this.#client.send({
      method: "HEAD",
      key,
      signal,
    }, 0);
    const size = status === 200
      ? Number(headers.get("content-length"))
      : undefined;
    if (size === this.#torrent.layout.files[fileIndex]!.length) {
      const isOurs = headers.get(OURS) === this.#context.infoHash;
      this.#files.set(fileIndex, { etag: headers.get("etag") ?? "", isOurs });
    } else this.#files.delete(fileIndex);
    return size;
  }

  async #see(fileIndex: number): Promise<FileObject | undefined> {
    await this.#lookFor(fileIndex);
    return this.#files.get(fileIndex);
  }

  /** Reads a range of an object; false when it is gone or another by now. */
  async #readObject(
    key: string,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
    etag = "",
  ): Promise<boolean> {
    const last = offset + into.length - 1;
    const answer = await this.#client.send(
      {
        method: "GET",
        key,
        headers: [
          ["range", `bytes=${offset}-${last}`],
          ...(etag === "" ? [] : [["if-match", etag] as const]),
        ],
        into,
      },
      into.length,
      (answer) => checkRange(answer, offset, into.length),
    );
    return answer.status === 206;
  }

  async #delete(key: string, signal?: AbortSignal): Promise<void> {
    await this.#client.send({ method: "DELETE", key, signal });
  }

  /** All objects of the folder. */
  async *#list(signal?: AbortSignal): AsyncGenerator<S3Object> {
    let token: string | undefined;
    const { pieceCount, files } = this.#torrent.layout;
    // No more pages than there can be objects.
    for (let page = 0; page <= pieceCount + files.length; page++) {
      const { body } = await this.#client.send(
        {
          method: "GET",
          query: [
            ["list-type", "2"],
            ["prefix", this.#folder],
            ...(token === undefined
              ? []
              : [["continuation-token", token] as const]),
          ],
          signal,
        },
        undefined,
        ({ status, body }) => {
          const list = status === 200 && tryDecodeList(decodeTextLossy(body));
          if (!list) throw new WrongAnswer("The list of objects is broken");
        },
      );
      const { items, next } = tryDecodeList(decodeTextLossy(body))!;
      for (const item of items) {
        if (item.key.startsWith(this.#folder)) yield item;
      }
      if (next === undefined) return;
      token = next;
    }
    throw new DiskError("io", "The list of objects does not end", {
      operation: "list",
      path: this.#client.nameOf(this.#folder),
    });
  }
}
