/**
 * Names that are not as the torrent has them, told to people.
 *
 * @module
 */
import type { RenamedFile, UnportableFile } from "../../metainfo/disk_paths.ts";
import { safeText } from "../text.ts";

/** Most files that are named one by one. */
const MAX_SHOWN = 10;

function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, MAX_SHOWN);
  if (lines.length > MAX_SHOWN) {
    shown.push(`... and ${lines.length - MAX_SHOWN} more`);
  }
  return shown.map((line) => `\n  ${line}`).join("");
}

/**
 * Says which files lie under other names.
 *
 * @param files At least one.
 * @returns Lines without a newline at the end.
 */
export function renamedNote(files: readonly RenamedFile[]): string {
  return `Note: some files have other names on disk than in the torrent:${
    listed(files.map(({ from, to }) => `${safeText(from)} -> ${safeText(to)}`))
  }`;
}

const REASONS: Readonly<Record<UnportableFile["reason"], string>> = {
  changed: "has unsafe or invisible characters, or is too long",
  windows: "is not allowed on Windows",
  shared: "differs from another only in case or Unicode form",
};

/**
 * Warns of names that others will not get as they stand.
 *
 * @param files At least one.
 * @returns Lines without a newline at the end.
 */
export function unportableNote(files: readonly UnportableFile[]): string {
  return `Warning: other systems will change these names:${
    listed(
      files.map(({ path, reason }) => `${safeText(path)} ${REASONS[reason]}`),
    )
  }`;
}
