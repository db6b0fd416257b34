/**
 * The objects of one torrent.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import type { PieceRange } from "../../metainfo/piece_layout.ts";
import { DiskError, filesError, norMore } from "../error.ts";
import type { FoundPieces, PieceRun, PieceStore } from "../piece_store.ts";
import type { StorageTorrent } from "../storage.ts";
import { FileMaker } from "./file_maker.ts";
import { PieceObjects } from "./piece_objects.ts";
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
  readonly #objects: PieceObjects;
  readonly #files = new Map<number, FileObject>();
  readonly #maker: FileMaker;

  constructor(context: ObjectStoreContext) {
    const { client, torrent, prefix, infoHash } = context;
    this.#context = context;
    this.#torrent = torrent;
    this.#client = client;
    this.#folder = `${prefix}.bip/${infoHash}/`;
    this.#objects = new PieceObjects(torrent.layout, this.#folder);
    this.#maker = new FileMaker({
      client,
      objects: this.#objects,
      meta: [OURS, infoHash],
      keyOfFile: (i) => this.#keyOfFile(i),
      folder: this.#folder,
      read: (...span) => this.readRange(...span),
    });
  }

  async find(signal?: AbortSignal): Promise<FoundPieces> {
    const { layout } = this.#torrent;
    const objects = this.#objects;
    const found = await Array.fromAsync(this.#list(signal));
    objects.clear();
    for (const { key, size } of found) {
      this.#maker.note(key.slice(this.#folder.length));
      objects.note(key, size);
    }
    this.#files.clear();
    const foreign: number[] = [];
    await eachAtOnce(layout.files.keys(), PARALLEL, async (fileIndex) => {
      const { pad, length } = layout.files[fileIndex]!;
      if (pad) return;
      const size = await this.#lookFor(fileIndex, signal);
      if (size !== undefined && size !== length) foreign.push(fileIndex);
    });
    if (foreign.length > 0) this.#refuseForeign(foreign);
    const good: number[] = [];
    const doubtful: number[] = [];
    for (let i = 0; i < layout.pieceCount; i++) {
      if (layout.payloadSize(i) === 0) continue;
      const piece = { first: i, end: i + 1 };
      if (objects.has(i) || this.#isMade(piece)) good.push(i);
      else if (this.#isMade(piece, false)) doubtful.push(i);
    }
    return { good, doubtful };
  }

  async writePiece(
    pieceIndex: number,
    runs: readonly PieceRun[],
    count = 1,
  ): Promise<void> {
    const object = this.#objects.of(pieceIndex, count);
    const { key, length } = object;
    const body = {
      length,
      fill(into: Uint8Array<ArrayBuffer>) {
        let at = 0;
        for (const { offset, bytes } of runs) {
          // Padding.
          into.fill(0, at, offset);
          into.set(bytes, offset);
          at = offset + bytes.length;
        }
        into.fill(0, at);
      },
    };
    await this.#client.send(
      { method: "PUT", key, isSummed: true, body },
      undefined,
      checkStored,
    );
    this.#objects.add(object);
  }

  /** Reads bytes of a piece, or of a run from one of its pieces on. */
  async readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<boolean> {
    const { pieceLength } = this.#torrent.layout;
    for (let done = 0; done < into.length;) {
      const at = offset + done;
      const step = await this.#readSome(
        pieceIndex + Math.floor(at / pieceLength),
        at % pieceLength,
        into.subarray(done),
      );
      if (step === 0) return false;
      done += step;
    }
    return true;
  }

  /** Reads as much as lies together; gives how much, 0 if it is nowhere. */
  async #readSome(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<number> {
    const { layout } = this.#torrent;
    let object;
    while ((object = this.#objects.at(pieceIndex)) !== undefined) {
      const { first, key, length } = object;
      const at = (pieceIndex - first) * layout.pieceLength + offset;
      const bytes = into.subarray(0, length - at);
      if (await this.#readObject(key, at, bytes)) return bytes.length;
      // Another process made files of it meanwhile, if it is anywhere.
      this.#objects.lose(object);
    }
    const size = Math.min(into.length, layout.pieceSize(pieceIndex) - offset);
    for (const span of layout.spans(pieceIndex, offset, size)) {
      const { fileIndex, fileOffset, dataOffset, length, pad } = span;
      const bytes = into.subarray(dataOffset, dataOffset + length);
      if (pad) bytes.fill(0);
      else if (!await this.#readFile(fileIndex, fileOffset, bytes)) return 0;
    }
    return size;
  }

  async #readFile(
    fileIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<boolean> {
    const known = this.#files.get(fileIndex) ?? await this.#see(fileIndex);
    if (known === undefined) return false;
    const key = this.#keyOfFile(fileIndex);
    if (await this.#readObject(key, offset, into, known.etag)) return true;
    // It may have been made anew of the same pieces.
    this.#files.delete(fileIndex);
    const anew = await this.#see(fileIndex);
    return anew?.isOurs === true &&
      await this.#readObject(key, offset, into, anew.etag);
  }

  async finish(fileIndex: number, signal?: AbortSignal): Promise<void> {
    const { layout } = this.#torrent;
    const pieces = layout.filePieces(fileIndex);
    // Another torrent may have made one of this name meanwhile.
    if (!this.#files.has(fileIndex)) {
      const size = await this.#lookFor(fileIndex, signal);
      if (size !== undefined && !this.#files.get(fileIndex)?.isOurs) {
        this.#refuseForeign([fileIndex]);
      }
    }
    const known = this.#files.get(fileIndex);
    // What came in pieces is not in a file that was there before.
    const isWhole = known !== undefined &&
      (known.isOurs || this.#objects.within(pieces).next().done === true);
    if (!isWhole) {
      if (known !== undefined) this.#refuseForeign([fileIndex]);
      const etag = await this.#maker.make(fileIndex, signal);
      if (etag === undefined) return;
      this.#files.set(fileIndex, { etag, isOurs: true });
    } else await this.#maker.settle(fileIndex, signal);
    const made = [...this.#objects.within(pieces)]
      .filter((object) => this.#isMade(object));
    await eachAtOnce(made, PARALLEL, async (object) => {
      if (this.#objects.lose(object)) await this.#delete(object.key, signal);
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
    this.#objects.clear();
  }

  close(): void {
    this.#context.onClose();
  }

  #keyOfFile(fileIndex: number): string {
    return this.#context.prefix + this.#torrent.paths[fileIndex]!.join("/");
  }

  /** Whether all of these pieces is in files, made of pieces or any. */
  #isMade({ first, end }: PieceRange, isOurs = true): boolean {
    const { layout } = this.#torrent;
    const stop = end * layout.pieceLength;
    for (let i = layout.fileAt(first); i < layout.fileCount; i++) {
      const { offset, length, pad } = layout.file(i);
      if (offset >= stop) break;
      if (pad || length === 0) continue;
      const file = this.#files.get(i);
      if (file === undefined || isOurs && !file.isOurs) return false;
    }
    return true;
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
