/**
 * What a torrent says of things that are not as they should be.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
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

/** Says that files are longer than they should be. */
export function surplusWarning(
  files: readonly number[],
  metainfo: Metainfo,
): Warning {
  const count = files.length === 1 ? "1 file is" : `${files.length} files are`;
  const paths = files.map((i) => metainfo.files[i]!.path.join("/"));
  return warning("surplus", `${count} longer than the torrent says`, paths);
}

const fileOrFiles = (count: number) => count === 1 ? "file" : "files";

/** Says that files cannot be read, of a torrent that is only read. */
export function unreadableWarning(
  files: readonly number[],
  { message }: Error,
  metainfo: Metainfo,
): Warning {
  const paths = files.map((i) => metainfo.files[i]!.path.join("/"));
  const rest = files.length - 1;
  const more = rest === 0 ? "" : `, nor ${rest} more ${fileOrFiles(rest)}`;
  return warning("lost", `${message}${more}`, paths);
}

/** Says that not all of a torrent can be served, and what is not whole. */
export function partWarning(have: Bitfield, metainfo: Metainfo): Warning {
  const files: string[] = [];
  for (const [i, { path, pad }] of metainfo.files.entries()) {
    if (pad) continue;
    const { first, end } = metainfo.layout.filePieces(i);
    let isWhole = true;
    for (let k = first; k < end && isWhole; k++) isWhole = have.has(k);
    if (!isWhole) files.push(path.join("/"));
  }
  const rest = files.length - 3;
  return warning(
    "lost",
    `${have.count} of ${have.length} pieces are good; only they are served. Incomplete: ${
      files.slice(0, 3).join(", ")
    }${rest > 0 ? `, and ${rest} more ${fileOrFiles(rest)}` : ""}`,
    files,
  );
}
