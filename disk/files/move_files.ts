/**
 * Moving files as one: all of them or none.
 *
 * @module
 */
import { attempt } from "../awaitable.ts";
import { alreadyThere, toDiskError } from "../error.ts";
import { type FilePath, type FileSystem, useHandle } from "../file_system.ts";
import type { Turns } from "../turns.ts";
import type { HandleCache } from "./handle_cache.ts";

const COPY_SIZE = 1024 * 1024;

/** What is left to decide after {@linkcode moveFiles}. */
export interface MovedFiles {
  /** Puts everything back. */
  undo(): Promise<void>;
  /** Removes originals that were copied. */
  finish(): Promise<void>;
}

/**
 * Moves files, those that exist. After a failure, or when it is ended, everything is
 * back.
 */
export async function moveFiles(
  source: HandleCache,
  from: readonly FilePath[],
  target: HandleCache | undefined,
  to: readonly FilePath[],
  turns: Turns,
): Promise<MovedFiles> {
  const moved: number[] = [];
  /** Renamed from one file system into the other. */
  const taken: number[] = [];
  const undo = async () => {
    for (const i of taken.splice(0).reverse()) {
      await attempt<unknown>(
        () => takeOver(target!, to[i]!, source, from[i]!),
        () => {},
      );
    }
    for (const i of moved.splice(0).reverse()) {
      // Whatever made us undo is what counts.
      await attempt<unknown>(
        () =>
          target === undefined
            ? source.rename(to[i]!, from[i]!)
            : target.remove(to[i]!),
        () => {},
      );
    }
  };
  try {
    for (let i = 0; i < from.length; i++) {
      const isSame = target === undefined &&
        from[i]!.join("/") === to[i]!.join("/");
      if (isSame) continue;
      await turns.take();
      if (await source.stat(from[i]!) === undefined) {
        // It would be written over later.
        if (await (target ?? source).stat(to[i]!) === undefined) continue;
        throw alreadyThere("move", to[i]!);
      }
      if (target === undefined) {
        await source.rename(from[i]!, to[i]!);
        moved.push(i);
        continue;
      }
      if (await target.stat(to[i]!) !== undefined) {
        throw alreadyThere("move", to[i]!);
      }
      if (await takeOver(source, from[i]!, target, to[i]!)) {
        taken.push(i);
        continue;
      }
      // Before the copy: half of one has to go, too.
      moved.push(i);
      await copyFile(source, from[i]!, target, to[i]!, turns);
    }
  } catch (error) {
    await undo();
    throw toDiskError(error, { operation: "move" });
  }
  return {
    undo,
    finish: async () => {
      if (target === undefined) return;
      for (const i of moved) {
        // The copy is complete: an original that stays does no harm.
        await attempt<unknown>(() => source.remove(from[i]!), () => {});
      }
    },
  };
}

/** Removes the folders above files that are empty, deepest first. */
export async function removeEmptyFolders(
  fileSystem: FileSystem,
  paths: readonly FilePath[],
  turns?: Turns,
): Promise<void> {
  const folders = new Map<string, FilePath>();
  for (const path of paths) {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const folder = path.slice(0, depth);
      const key = folder.join("/");
      if (folders.has(key)) break;
      folders.set(key, folder);
    }
  }
  const deepestFirst = [...folders.values()].sort((a, b) =>
    b.length - a.length
  );
  for (const folder of deepestFirst) {
    // A folder that stays does no harm.
    await attempt(() => fileSystem.removeEmptyFolder(folder), () => false);
    await turns?.take();
  }
}

/** Renames a file across, where both are folders of the operating system. */
async function takeOver(
  source: HandleCache,
  from: FilePath,
  target: HandleCache,
  to: FilePath,
): Promise<boolean> {
  const localPath = source.localPath?.(from);
  if (localPath === undefined || target.takeFile === undefined) return false;
  await source.drop(from);
  return await target.takeFile(localPath, to);
}

async function copyFile(
  source: FileSystem,
  from: FilePath,
  target: FileSystem,
  to: FilePath,
  turns: Turns,
): Promise<void> {
  const buffer = new Uint8Array(COPY_SIZE);
  await useHandle(source.open(from), async (reader) => {
    await useHandle(target.open(to, { write: true }), async (writer) => {
      await writer.truncate(await reader.size());
      for (let offset = 0;;) {
        const n = await reader.read(buffer, offset);
        if (n === 0) break;
        await writer.write(buffer.subarray(0, n), offset);
        offset += n;
        // Both may answer at once.
        await turns.take(n);
      }
      await writer.sync();
    });
  });
}
