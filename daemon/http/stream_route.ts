/**
 * Files of torrents over HTTP, while they are fetched.
 *
 * @module
 */
import type { Torrent } from "../../client/torrent.ts";
import { fileAnswer } from "../file_answer.ts";
import type { FrontRoute } from "./front.ts";

/** How a file is named: the hash of its torrent, and its index. */
const PATH = /^\/stream\/([0-9a-f]{40}|[0-9a-f]{64})\/(\d{1,7})$/i;

/**
 * Makes the route `/stream/HASH/INDEX`.
 *
 * @param find Looks a torrent up by its hash in hex.
 * @returns The route; everyone who passes the guard can read every file.
 */
export function streamRoute(
  find: (hash: string) => Torrent | undefined,
): FrontRoute {
  return {
    path: "/stream/*",
    methods: ["GET"],
    handle({ method, path, headers }) {
      const [, hash, index] = PATH.exec(path) ?? [];
      const torrent = hash === undefined ? undefined : find(hash);
      if (torrent === undefined) return { status: 404, body: "No such file\n" };
      if (torrent.metainfo === undefined) {
        return {
          status: 503,
          headers: [["retry-after", "5"]],
          body: "The files are not known yet\n",
        };
      }
      const file = torrent.files[Number(index)];
      if (file === undefined || file.isPad) {
        return { status: 404, body: "No such file\n" };
      }
      return fileAnswer(torrent, file, { method, headers });
    },
  };
}
