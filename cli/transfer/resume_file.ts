/**
 * The hidden file that an unfinished download leaves beside its files, so that
 * the same command goes on from there.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { FileSystem } from "../../disk/file_system.ts";
import { loadResumeData, saveResumeData } from "../../disk/resume.ts";
import { describeError } from "../error.ts";

/**
 * The resume data of one download. None is needed, it only saves checking what
 * is there: that it cannot be read or written stops nothing.
 */
export class ResumeFile {
  readonly #files: FileSystem;
  readonly #path: readonly string[];
  #problem: string | undefined;

  /**
   * Names the file.
   *
   * @param files The folder of the download.
   * @param infoHash Of the torrent.
   */
  constructor(files: FileSystem, infoHash: Uint8Array) {
    this.#files = files;
    this.#path = [`.${toHex(infoHash)}.bip-resume`];
  }

  /** What went wrong at the last attempt, as one line; not yet safe to show. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Reads what an earlier run left.
   *
   * @returns The data, if there is any.
   */
  async load(): Promise<Uint8Array | undefined> {
    try {
      return await loadResumeData(this.#files, this.#path);
    } catch (error) {
      this.#fail("read", error);
      return undefined;
    }
  }

  /**
   * Keeps new data.
   *
   * @param data The data.
   */
  async save(data: Uint8Array): Promise<void> {
    try {
      await saveResumeData(this.#files, this.#path, data);
      this.#problem = undefined;
    } catch (error) {
      this.#fail("save", error);
    }
  }

  /** Removes the file when nothing is left to be resumed. */
  async remove(): Promise<void> {
    try {
      await this.#files.remove(this.#path);
    } catch (error) {
      this.#fail("remove", error);
    }
  }

  #fail(action: string, error: unknown): void {
    this.#problem = `Cannot ${action} what the download remembers: ${
      describeError(error).message
    }`;
  }
}
