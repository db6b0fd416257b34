/** A storage over faulty or slow memory, for the tests of this folder. */
import { assertEquals } from "@std/assert";

import type { FileSystem } from "../../disk/file_system.ts";
import { DiskManager, type DiskManagerOptions } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  type FileCall,
  type FileFault,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";
import type {
  DiskAddOptions,
  TorrentStorage,
  TorrentStorageEvent,
} from "../../disk/storage.ts";
import type { TestTorrent } from "./support.ts";

export interface Bench extends AsyncDisposable {
  readonly disk: DiskManager;
  readonly memory: MemoryFileSystem;
  readonly storage: TorrentStorage;
  readonly events: TorrentStorageEvent[];
  /** Decides which calls of the file system fail. */
  fault: ((call: FileCall) => FileFault | undefined) | undefined;
}

export async function open(
  torrent: TestTorrent,
  options: {
    add?: DiskAddOptions;
    disk?: Partial<DiskManagerOptions>;
    memory?: MemoryFileSystem;
    slow?: boolean;
  } = {},
): Promise<Bench> {
  const memory = options.memory ?? new MemoryFileSystem();
  const events: TorrentStorageEvent[] = [];
  const faults: Pick<Bench, "fault"> = { fault: undefined };
  let fileSystem: FileSystem = interceptFileSystem(
    memory,
    injectFaults((call) => faults.fault?.(call)),
  );
  if (options.slow) {
    fileSystem = interceptFileSystem(
      fileSystem,
      injectFaults(() => ({ after: Promise.resolve() })),
    );
  }
  const disk = new DiskManager({ fileSystem, ...options.disk });
  const storage = await disk.add(torrent, {
    existing: "assume-empty",
    onEvent: (event) => events.push(event),
    ...options.add,
  });
  return Object.assign(faults, {
    disk,
    memory,
    storage,
    events,
    [Symbol.asyncDispose]: async () => {
      faults.fault = undefined;
      await disk[Symbol.asyncDispose]();
    },
  });
}

export function writePiece(
  storage: TorrentStorage,
  torrent: TestTorrent,
  pieceIndex: number,
  step = 16384,
): void {
  const piece = torrent.content[pieceIndex]!;
  for (let at = 0; at < piece.length; at += step) {
    storage.writeBlock(pieceIndex, at, piece.subarray(at, at + step));
  }
}

export function writeAll(storage: TorrentStorage, torrent: TestTorrent): void {
  for (let i = 0; i < torrent.content.length; i++) {
    writePiece(storage, torrent, i);
  }
}

/** Writes what is said, all by default, and ends with the resume data. */
export async function resumeAfter(
  torrent: TestTorrent,
  memory: MemoryFileSystem,
  write = (storage: TorrentStorage) => writeAll(storage, torrent),
): Promise<Uint8Array> {
  await using bench = await open(torrent, { memory });
  write(bench.storage);
  return await bench.storage.resumeData();
}

export function assertFiles(
  memory: MemoryFileSystem,
  torrent: TestTorrent,
): void {
  torrent.fileContent.forEach((content, i) => {
    if (torrent.layout.files[i]!.pad) {
      assertEquals(memory.contents(torrent.paths[i]!), undefined);
    } else assertEquals(memory.contents(torrent.paths[i]!), content);
  });
}
