/**
 * `bip info`: what a torrent file, magnet link or info-hash says.
 *
 * @module
 */
import type { MetainfoWarning } from "../../metainfo/metainfo.ts";
import type { Verb, VerbContext } from "../command.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { safeText } from "../text.ts";
import { renamedNote } from "./renamed.ts";
import { readSource } from "./source.ts";
import {
  documentLines,
  magnetDocument,
  torrentDocument,
} from "./torrent_document.ts";

/** What is odd about a torrent file, but for names, which are told apart. */
const ODDITIES: Readonly<
  Record<Exclude<MetainfoWarning["code"], "renamed">, string>
> = {
  "not-canonical": "the file is not canonical bencode",
  ignored: "ignored, as they have the wrong type",
  "dropped-symlink": "ignored symbolic links that lead out of the torrent",
  "stray-piece-layer": "ignored piece layers of no file",
  "missing-piece-layers": "piece layers are missing",
};

function warningLines(warnings: readonly MetainfoWarning[]): string[] {
  return Object.entries(ODDITIES).flatMap(([code, text]) => {
    const found = warnings.filter((warning) => warning.code === code);
    if (found.length === 0) return [];
    const paths = found.map(({ path }) => path).filter(Boolean);
    const shown = paths.slice(0, 5).join(", ");
    const more = paths.length > 5 ? `, and ${paths.length - 5} more` : "";
    return [safeText(paths.length === 0 ? text : `${text}: ${shown}${more}`)];
  });
}

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
    if (source.type === "torrent") {
      for (const line of warningLines(source.metainfo.warnings)) {
        output.note(`Note: ${line}`);
      }
    }
    return EXIT_DONE;
  },
};
