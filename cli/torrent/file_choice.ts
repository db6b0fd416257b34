/**
 * Which files of folders go into a new torrent.
 *
 * @module
 */
import type { LeftOut } from "../../metainfo/create_options.ts";
import type { Arguments } from "../command.ts";
import { plural } from "../text.ts";
import { globMatcher } from "./file_selection.ts";

/** What systems leave in folders, in lowercase. */
const SYSTEM_NAMES: ReadonlySet<string> = new Set([
  "thumbs.db",
  "ehthumbs.db",
  "desktop.ini",
  "$recycle.bin",
  "system volume information",
]);

function isHidden(name: string): boolean {
  return name.startsWith(".") || SYSTEM_NAMES.has(name.toLowerCase());
}

/** A pattern that was typed. */
interface Glob {
  /** The option and its value. */
  readonly shown: string;
  readonly matches: (path: string) => boolean;
  isUsed: boolean;
}

/** Asks all of them, so that each is known to match something. */
function someMatch(globs: readonly Glob[], path: string): boolean {
  const found = globs.filter(({ matches }) => matches(path));
  for (const glob of found) glob.isUsed = true;
  return found.length > 0;
}

/** Decides by `--include`, `--exclude` and `--hidden`, and counts. */
export class FileChoice {
  /** Hidden and system files and folders that were left out. */
  hidden = 0;
  /** Files and folders that `--exclude` left out. */
  excluded = 0;
  /** Files that `--include` left out. */
  notIncluded = 0;
  readonly #takesHidden: boolean;
  readonly #include: readonly Glob[];
  readonly #exclude: readonly Glob[];

  /**
   * Reads the options.
   *
   * @param args What the person typed.
   * @throws {UsageError} If a glob has too many alternatives.
   */
  constructor(args: Arguments) {
    const globsOf = (name: string) =>
      args.all(name).map((glob): Glob => ({
        shown: `--${name} ${JSON.stringify(glob)}`,
        matches: globMatcher(glob.replace(/(?<=.)\/+$/, ""), `--${name}`),
        isUsed: false,
      }));
    this.#takesHidden = args.has("hidden");
    this.#include = globsOf("include");
    this.#exclude = globsOf("exclude");
  }

  /**
   * Decides about a file or folder.
   *
   * @param path Its path below the folder that the person named.
   * @param isFolder Whether it is a folder.
   * @returns Whether it is taken, or walked.
   */
  takes(path: string, isFolder: boolean): boolean {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (!this.#takesHidden && isHidden(name)) this.hidden++;
    else if (someMatch(this.#exclude, path)) this.excluded++;
    else if (!isFolder && !this.#isIncluded(path)) this.notIncluded++;
    else return true;
    return false;
  }

  /** Options that no file or folder was like. */
  get unused(): string[] {
    return [...this.#include, ...this.#exclude]
      .filter(({ isUsed }) => !isUsed).map(({ shown }) => shown);
  }

  /** Whether it or a folder that it is in is like one of `--include`. */
  #isIncluded(path: string): boolean {
    if (this.#include.length === 0) return true;
    const parts = path.split("/");
    return parts.some((_, i) => {
      const start = parts.slice(0, i + 1).join("/");
      return someMatch(this.#include, start);
    });
  }
}

const REASONS: Readonly<Record<LeftOut["reason"], (count: number) => string>> =
  {
    symlink: (count) => plural(count, "symbolic link"),
    outside: (count) =>
      `${plural(count, "link")} to what is no file of the torrent`,
    dangling: (count) =>
      count === 1
        ? "1 link that leads nowhere"
        : `${count} links that lead nowhere`,
    loop: (count) =>
      count === 1
        ? "1 link to a folder that it is in"
        : `${count} links to folders that they are in`,
    "not-a-file": (count) =>
      count === 1
        ? "1 pipe, socket or device"
        : `${count} pipes, sockets or devices`,
    empty: (count) => plural(count, "empty folder"),
  };

/**
 * Says what was left out.
 *
 * @param choice What the person chose.
 * @param leftOut What creation left out by itself.
 * @returns Part of a line; empty when nothing was.
 */
export function leftOutText(
  { hidden, excluded, notIncluded }: FileChoice,
  leftOut: readonly LeftOut[],
): string {
  const parts: string[] = [];
  if (hidden > 0) {
    parts.push(
      `${plural(hidden, "hidden or system file")} (--hidden takes ${
        hidden === 1 ? "it" : "them"
      })`,
    );
  }
  if (excluded > 0) parts.push(`${excluded} by --exclude`);
  if (notIncluded > 0) {
    parts.push(`${plural(notIncluded, "file")} not matching --include`);
  }
  for (const [reason, text] of Object.entries(REASONS)) {
    const count = leftOut.filter((left) => left.reason === reason).length;
    if (count > 0) parts.push(text(count));
  }
  return parts.join(", ");
}
