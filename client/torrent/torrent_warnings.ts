/**
 * What a torrent says of things that are not as they should be.
 *
 * @module
 */
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

/** Says that not all of a torrent can be served. */
export function partWarning(good: number, count: number): Warning {
  return warning(
    "lost",
    `${good} of ${count} pieces are good; only they are served`,
  );
}
