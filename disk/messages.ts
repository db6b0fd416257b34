/**
 * The manager's methods as messages.
 *
 * @module
 */
import { EventQueue } from "../_shared/event_queue.ts";
import { DiskError, toDiskError } from "./error.ts";
import type { DiskManager } from "./manager.ts";
import type {
  DiskAddOptions,
  StorageTorrent,
  TorrentStorage,
  TorrentStorageEvent,
  WriteBlockResult,
} from "./storage.ts";

/** Requests to a manager. */
export type DiskRequest =
  | {
    /** Adds a torrent; answered by `piece-good` for all that is there, `added`. */
    readonly type: "add";
    /** What to store. */
    readonly torrent: StorageTorrent;
    /** How; `onEvent` is not used. */
    readonly options?: DiskAddOptions | undefined;
  }
  | {
    /** Writes everything out and closes a torrent; answered by `removed`. */
    readonly type: "remove";
    /** Which torrent, 20 bytes. */
    readonly infoHash: Uint8Array;
    /** Whether to delete its files. */
    readonly deleteFiles?: boolean | undefined;
  }
  | {
    /** Waits for the device; answered by `synced`. */
    readonly type: "sync";
    /** Which torrent, 20 bytes. */
    readonly infoHash: Uint8Array;
  }
  | {
    /** Reads bytes of a verified piece; answered by `loaded`. */
    readonly type: "load";
    /** Which torrent, 20 bytes. */
    readonly infoHash: Uint8Array;
    /** Which piece. */
    readonly pieceIndex: number;
    /** Where to start in the piece. */
    readonly blockOffset: number;
    /** How many bytes. */
    readonly length: number;
  }
  | {
    /** Takes a block; answered by `processed`. */
    readonly type: "process";
    /** Which torrent, 20 bytes. */
    readonly infoHash: Uint8Array;
    /** Which piece. */
    readonly pieceIndex: number;
    /** Where the block starts in the piece. */
    readonly blockOffset: number;
    /** The bytes. */
    readonly data: Uint8Array;
  };

/** Answers and events of a manager. Each request has exactly one answer. */
export type DiskEvent =
  | {
    /** The torrent is there. */
    readonly type: "added";
    /** What was asked for. */
    readonly request: DiskRequest;
    /** Its storage. */
    readonly storage: TorrentStorage;
  }
  | {
    /** The torrent is closed. */
    readonly type: "removed";
    /** What was asked for. */
    readonly request: DiskRequest;
  }
  | {
    /** All that was written is on the device. */
    readonly type: "synced";
    /** What was asked for. */
    readonly request: DiskRequest;
  }
  | {
    /** The bytes. */
    readonly type: "loaded";
    /** What was asked for. */
    readonly request: DiskRequest;
    /** The bytes; not to be changed. */
    readonly data: Uint8Array;
  }
  | {
    /** The block was taken, or need not be. */
    readonly type: "processed";
    /** What was asked for. */
    readonly request: DiskRequest;
    /** What was done with it. */
    readonly result: WriteBlockResult;
  }
  | {
    /** The request could not be carried out. */
    readonly type: "failed";
    /** What was asked for. */
    readonly request: DiskRequest;
    /** Why: a DiskError, an AggregateError of these, or a RangeError. */
    readonly error: Error;
  }
  | {
    /** Something happened to a torrent that was added by request. */
    readonly type: "storage";
    /** Which torrent, 20 bytes. */
    readonly infoHash: Uint8Array;
    /** What. */
    readonly event: TorrentStorageEvent;
  };

/** Turns requests into calls and what comes of them into events. */
export class DiskMessages {
  readonly writable: WritableStream<DiskRequest>;
  readonly readable: ReadableStream<DiskEvent>;
  readonly #manager: DiskManager;
  readonly #events: EventQueue<DiskEvent>;
  /** What waits for room in the queue, in order. */
  readonly #outbox: DiskEvent[] = [];
  #pumping: Promise<void> | undefined;

  constructor(manager: DiskManager, maxWaiting: number) {
    this.#manager = manager;
    this.#events = new EventQueue(maxWaiting);
    this.readable = this.#events.readable();
    this.writable = new WritableStream<DiskRequest>({
      write: async (request) => {
        // The answer could not be delivered.
        if (this.#events.closed) {
          throw new DiskError("closed", "The events have ended", {
            operation: request.type,
          });
        }
        let event: DiskEvent;
        try {
          event = await this.#run(request);
        } catch (error) {
          event = {
            type: "failed",
            request,
            error: error instanceof Error
              ? error
              : toDiskError(error, { operation: request.type }),
          };
        }
        // What happened on the way is in front of it.
        this.#outbox.push(event);
        await this.#pump();
      },
    }, { highWaterMark: maxWaiting });
  }

  close(): void {
    this.#events.close();
  }

  async #run(request: DiskRequest): Promise<DiskEvent> {
    switch (request.type) {
      case "add":
        return await this.#add(request);
      case "remove":
        await this.#manager.remove(
          request.infoHash,
          request.deleteFiles === true,
        );
        return { type: "removed", request };
      case "sync":
        await this.#storage(request.infoHash).sync();
        return { type: "synced", request };
      case "load": {
        const { infoHash, pieceIndex, blockOffset, length } = request;
        const data = await this.#storage(infoHash)
          .readBlock(pieceIndex, blockOffset, length);
        return { type: "loaded", request, data };
      }
      case "process": {
        const { infoHash, pieceIndex, blockOffset, data } = request;
        const storage = this.#storage(infoHash);
        await storage.pressure;
        const result = storage.writeBlock(pieceIndex, blockOffset, data);
        return { type: "processed", request, result };
      }
    }
  }

  async #add(
    request: DiskRequest & { readonly type: "add" },
  ): Promise<DiskEvent> {
    const { torrent, options } = request;
    const { infoHash } = torrent;
    const storage = await this.#manager.add(torrent, {
      ...options,
      onEvent: (event) => this.#tell({ type: "storage", infoHash, event }),
    });
    for (const pieceIndex of storage.have) {
      const event: TorrentStorageEvent = { type: "piece-good", pieceIndex };
      await this.#events.send({ type: "storage", infoHash, event });
    }
    return { type: "added", request, storage };
  }

  #storage(infoHash: Uint8Array): TorrentStorage {
    const storage = this.#manager.get(infoHash);
    if (storage !== undefined) return storage;
    throw new DiskError("unknown-torrent", "There is no such torrent", {
      operation: "find torrent",
    });
  }

  /** Storage events come in the middle of calls, so they cannot wait here. */
  #tell(event: DiskEvent): void {
    this.#outbox.push(event);
    this.#pump();
  }

  #pump(): Promise<void> {
    return this.#pumping ??= this.#send();
  }

  async #send(): Promise<void> {
    for (let event; (event = this.#outbox.shift()) !== undefined;) {
      await this.#events.send(event);
    }
    this.#pumping = undefined;
  }
}
