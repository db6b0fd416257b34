/**
 * `bip info`: what a torrent file, magnet link or info-hash says.
 *
 * @module
 */
import type { Verb, VerbContext } from "../command.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { renamedNote } from "./renamed.ts";
import { readSource } from "./source.ts";
import {
  documentLines,
  magnetDocument,
  torrentDocument,
} from "./torrent_document.ts";

/** `bip info SOURCE` */
export const infoVerb: Verb = {
  name: "info",
  summary: "Show a torrent file, magnet link or info-hash",
  usage: "SOURCE [--json]",
  details: [
    "SOURCE is a torrent file (a path, a file:, http or https URL, - for stdin), a magnet link, or an info-hash of 40 or 64 hex digits. Only the torrent file of a URL is fetched, which needs --allow-net.",
  ],
  operands: [1, 1],
  operandNames: ["SOURCE"],
  permissions: "--allow-read=FILE",
  options: [{ name: "json", summary: "Print one JSON document" }],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const source = await readSource(args.operands[0]!, signal);
    const document = source.type === "torrent"
      ? torrentDocument(source.metainfo)
      : magnetDocument(source.magnet);
    if (args.has("json")) {
      output.printJson(document, 2);
      return EXIT_DONE;
    }
    for (const line of documentLines(document)) output.print(line);
    if (document.renamed !== undefined) {
      output.note(renamedNote(document.renamed));
    }
    if (source.type === "torrent" && source.metainfo.warnings.length > 0) {
      const codes = new Set(source.metainfo.warnings.map(({ code }) => code));
      output.note(`Note: tolerated: ${[...codes].join(", ")}`);
    }
    return EXIT_DONE;
  },
};
