/**
 * What a torrent says of things that are not as they should be.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import { filePath, type Metainfo } from "../../metainfo/metainfo.ts";
import type { TorrentEvent } from "../types.ts";

/** Most files that a warning names. */
const MAX_FILES = 10;

type Warning = TorrentEvent & { readonly type: "warning" };

/** Makes a warning. */
export function warning(
  code: Warning["code"],
  message: string,
  files: readonly string[] = [],
): Warning {
  return { type: "warning", code, message, files: files.slice(0, MAX_FILES) };
}

/** Says that verified pieces cannot be read any more. */
export function lostWarning(pieces: readonly number[], error: Error): Warning {
  const count = pieces.length === 1
    ? "1 piece is"
    : `${pieces.length} pieces are`;
  return warning("lost", `${error.message}; ${count} lost`);
}

/** What files are called, with the torrent's name before it. */
function namesOf(files: readonly number[], metainfo: Metainfo): string[] {
  return files.map((i) => filePath(metainfo, i).join("/"));
}

const fileOrFiles = (count: number) => count === 1 ? "file" : "files";

/** The first of many names, and how many there are besides. */
function firstOf(names: readonly string[]): string {
  const rest = names.length - 3;
  const first = names.slice(0, 3).join(", ");
  return rest > 0 ? `${first}, and ${rest} more ${fileOrFiles(rest)}` : first;
}

/** Says that files are longer than they should be. */
export function surplusWarning(
  files: readonly number[],
  metainfo: Metainfo,
): Warning {
  const names = namesOf(files, metainfo);
  return warning(
    "surplus",
    `Longer than the torrent says: ${firstOf(names)}`,
    names,
  );
}

/** Says that files cannot be read, of a torrent that is only read. */
export function unreadableWarning(
  files: readonly number[],
  { message }: Error,
  metainfo: Metainfo,
): Warning {
  const rest = files.length - 1;
  const more = rest === 0 ? "" : `, nor ${rest} more ${fileOrFiles(rest)}`;
  return warning("lost", `${message}${more}`, namesOf(files, metainfo));
}

/** Says that not all of a torrent can be served, and what is not whole. */
export function partWarning(have: Bitfield, metainfo: Metainfo): Warning {
  const files: number[] = [];
  for (const [i, { pad }] of metainfo.files.entries()) {
    if (pad) continue;
    const { first, end } = metainfo.layout.filePieces(i);
    let isWhole = true;
    for (let k = first; k < end && isWhole; k++) isWhole = have.has(k);
    if (!isWhole) files.push(i);
  }
  const names = namesOf(files, metainfo);
  return warning(
    "lost",
    `${have.count} of ${have.length} pieces are good; only they are served. Incomplete: ${
      firstOf(names)
    }`,
    names,
  );
}
