/**
 * A file of info-hashes that is read again when it changes.
 *
 * @module
 */
import {
  InfoHashList,
  InfoHashListError,
} from "../../tracker/swarm_service.ts";
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { CommandError } from "../error.ts";
import { EXIT_IO, EXIT_USAGE } from "../exit_code.ts";
import { ioError } from "../io_error.ts";
import { readFile } from "../read_file.ts";

/** Largest list, in bytes: some six million info-hashes. */
const MAX_LIST_LENGTH = 256 * 1024 * 1024;
/** How often the file's date is looked at, in milliseconds. */
const POLL_MS = 1000;

/** A list of info-hashes in a file. */
export class InfoHashFile implements Disposable {
  readonly #path: string;
  readonly #onChange: (list: InfoHashList) => void;
  readonly #onError: (message: string) => void;
  #stamp = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(
    path: string,
    onChange: (list: InfoHashList) => void,
    onError: (message: string) => void,
  ) {
    this.#path = path;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /**
   * Reads a file and begins to watch it.
   *
   * @param path Where it is.
   * @param onChange Is given the list, now and after every change.
   * @param onError Is told when the file became unreadable or wrong; the list
   * as it was stays in force.
   * @returns The file; dispose of it to end the watch.
   * @throws {CommandError} If it cannot be read or is no list.
   */
  static async open(
    path: string,
    onChange: (list: InfoHashList) => void,
    onError: (message: string) => void,
  ): Promise<InfoHashFile> {
    const file = new InfoHashFile(path, onChange, onError);
    await file.#load(true);
    file.#schedule();
    return file;
  }

  /**
   * Reads the file again.
   *
   * @param always Also if it has not changed. @default {true}
   * @returns A promise that never rejects.
   */
  async reload(always = true): Promise<void> {
    try {
      await this.#load(always);
    } catch (error) {
      this.#onError(error instanceof Error ? error.message : String(error));
    }
  }

  /** Ends the watch. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(async () => {
      await this.reload(false);
      this.#schedule();
    }, POLL_MS);
  }

  async #load(always: boolean): Promise<void> {
    try {
      const { mtime, size } = await Deno.stat(this.#path);
      const stamp = `${mtime?.getTime()} ${size}`;
      if (!always && stamp === this.#stamp) return;
      // A file that is wrong is complained about once.
      this.#stamp = stamp;
      const bytes = await readFile(this.#path, {
        limit: MAX_LIST_LENGTH,
        kind: "a list of info-hashes",
        exitCode: EXIT_IO,
      });
      this.#onChange(InfoHashList.parse(decodeTextLossy(bytes)));
    } catch (error) {
      if (error instanceof InfoHashListError) {
        throw new CommandError(
          EXIT_USAGE,
          error.code,
          `${this.#path}: ${error.message}`,
        );
      }
      throw ioError(error, "read", this.#path);
    }
  }
}
