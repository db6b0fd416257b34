/**
 * `bip remote add`.
 *
 * @module
 */
import type { RemoteResult } from "../../daemon/remote_client.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { safeText } from "../text.ts";
import { linkOf, readSource } from "../torrent/source.ts";
import { type Action, MANY, type Task } from "./action.ts";

/** What a person names, as the protocol takes it; URLs are for the daemon. */
async function givenBy(
  text: string,
  signal: AbortSignal,
): Promise<RemoteResult> {
  const filename = /^https?:\/\//i.test(text) ? text : await linkOf(text);
  if (filename !== undefined) return { filename };
  const source = await readSource(text, signal);
  return source.type === "torrent"
    ? { metainfo: source.bytes.toBase64() }
    : { filename: formatMagnet(source.magnet) };
}

async function addOne(task: Task, source: string): Promise<RemoteResult> {
  const { args, client, signal } = task;
  const dir = args.get("dir");
  const labels = args.all("label");
  return await client.call("torrent_add", {
    ...await givenBy(source, signal),
    ...(dir === undefined ? {} : { download_dir: dir }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(args.has("paused") ? { paused: true } : {}),
  }, signal);
}

/** Adds torrents. */
export const addAction: Action = {
  summary: "Add torrents",
  operands: [1, MANY],
  usage: "add SOURCE... [--dir DIR] [--paused] [--label TEXT]...",
  options: ["dir", "paused", "label"],
  async run(task) {
    const { operands, output, json } = task;
    const results: unknown[] = [];
    try {
      for (const source of operands) {
        const result = await addOne(task, source);
        const added = result.torrent_added as RemoteResult | undefined;
        const torrent = added ?? result.torrent_duplicate as RemoteResult;
        results.push({ ...torrent, duplicate: added === undefined });
        if (json) continue;
        const note = added === undefined ? " (it was there already)" : "";
        output.print(
          `${torrent.id} ${safeText(String(torrent.name))}${note}`,
        );
      }
    } finally {
      // Also those before one that failed.
      if (json && results.length > 0) output.printJson(results, 2);
    }
  },
};
