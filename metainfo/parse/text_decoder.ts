/**
 * Text of old torrents that is not UTF-8.
 *
 * @module
 */
import { decodeTextLossy, tryDecodeText } from "../../_shared/bytes.ts";
import type { BencodeDictionary } from "../../bencode/types.ts";

/** Makes text of bytes, which may be no UTF-8. */
export type DecodeText = (bytes: Uint8Array) => string;

/** Labels of the numbers that Windows gives encodings, where they differ. */
const CODE_PAGES: Readonly<Record<number, string>> = {
  866: "ibm866",
  932: "shift_jis",
  936: "gbk",
  949: "euc-kr",
  950: "big5",
  10000: "macintosh",
  20866: "koi8-r",
  20932: "euc-jp",
  21866: "koi8-u",
  51932: "euc-jp",
  51949: "euc-kr",
  54936: "gb18030",
};

function labelOf(codePage: number): string | undefined {
  if (codePage === 874 || (codePage >= 1250 && codePage <= 1258)) {
    return `windows-${codePage}`;
  }
  return codePage >= 28591 && codePage <= 28606
    ? `iso-8859-${codePage - 28590}`
    : CODE_PAGES[codePage];
}

/** Names of encodings as programs write them, such as `CP936` or `GB-2312`. */
function* labelsOf(torrent: BencodeDictionary): Generator<string> {
  const encoding = torrent.get("encoding");
  if (encoding instanceof Uint8Array) {
    const label = decodeTextLossy(encoding).trim().slice(0, 40);
    yield label;
    const number = /^(?:cp|ms|windows)?[-_ ]?(\d{3,5})$/i.exec(label);
    const known = number && labelOf(Number(number[1]));
    if (known) yield known;
    yield label.replace(/^gb-?k$/i, "gbk").replace(/_/g, "-");
    yield label.replace(/[-_ ]/g, "");
  }
  const codePage = torrent.get("codepage");
  if (typeof codePage === "number") {
    const label = labelOf(codePage);
    if (label !== undefined) yield label;
  }
}

/**
 * How text of a torrent is read: as UTF-8; where it is none, in the encoding
 * that `encoding` or `codepage` names; else with U+FFFD for what is wrong.
 */
export function textDecoderOf(torrent: BencodeDictionary): DecodeText {
  let decoder: TextDecoder | undefined;
  for (const label of labelsOf(torrent)) {
    try {
      const made = new TextDecoder(label, { fatal: true });
      if (made.encoding === "utf-8") continue;
      decoder = made;
      break;
    } catch {
      continue; // an unknown label
    }
  }
  return (bytes) => {
    const text = tryDecodeText(bytes);
    if (text !== undefined) return text;
    try {
      if (decoder !== undefined) return decoder.decode(bytes);
    } catch {
      // Not in that encoding either.
    }
    return decodeTextLossy(bytes);
  };
}
