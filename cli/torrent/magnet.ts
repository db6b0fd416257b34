/**
 * `bip magnet`: the magnet link of a torrent file.
 *
 * @module
 */
import { formatMagnet } from "../../metainfo/magnet.ts";
import { magnetOf } from "../../metainfo/metainfo.ts";
import type { Verb, VerbContext } from "../command.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { readTorrentFile } from "./source.ts";

/** `bip magnet FILE.torrent` */
export const magnetVerb: Verb = {
  name: "magnet",
  summary: "Print the magnet link of a torrent file",
  usage: "FILE.torrent",
  details: [
    "FILE.torrent is a path, a file:, http or https URL (which needs --allow-net), or - for stdin.",
  ],
  operands: [1, 1],
  operandNames: ["FILE.torrent"],
  permissions: "--allow-read=FILE",
  options: [],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const { metainfo } = await readTorrentFile(args.operands[0]!, signal);
    output.print(formatMagnet(magnetOf(metainfo)));
    return EXIT_DONE;
  },
};
