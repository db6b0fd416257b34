/**
 * Info-hashes as people name them to verbs that need nothing else of a torrent.
 *
 * @module
 */
import { cleanMagnetText, parseMagnet } from "../../metainfo/parse_magnet.ts";
import { UsageError } from "../error.ts";

/**
 * Reads an info-hash: hex, base32 or a magnet link.
 *
 * @param text What the person typed.
 * @param hint What else is possible.
 * @returns 20 bytes; of a v2 hash the first 20.
 * @throws {UsageError} If it is none.
 * @throws {MagnetError} If it is a bad magnet link.
 */
export function readInfoHash(text: string, hint?: string): Uint8Array {
  const link = cleanMagnetText(text);
  if (/^magnet:/i.test(link)) return parseMagnet(link).infoHash;
  throw new UsageError(
    `HASH must be 40 or 64 hex digits or a magnet link, not ${
      JSON.stringify(text)
    }`,
    hint ??
      (/\.torrent$/i.test(text)
        ? "bip magnet makes a link from a torrent file"
        : undefined),
  );
}
