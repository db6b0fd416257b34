/**
 * Peer ids (BEP 20): making our own and recognising others' clients.
 *
 * @module
 */
import { fromByteString, toByteString } from "../_shared/bytes.ts";
import { randomBytes, type RandomSource } from "../_shared/random.ts";

/** How this package's own peer ids begin (BEP 20, Azureus style). */
export const PEER_ID_PREFIX = "-DB0100-";

/** Options of {@linkcode createPeerId}. */
export interface CreatePeerIdOptions {
  /**
   * The first bytes, at most 20 characters U+0000 to U+00FF.
   *
   * @default {"-DB0100-"}
   */
  readonly prefix?: string | undefined;
}

/** What a peer id tells of its client. Anyone can claim anything. */
export interface PeerClient {
  /** The client's name, or its two-letter code when that is not known. */
  readonly name: string;
  /** The version as text, when the id has one. */
  readonly version?: string;
}

/** Two-letter codes of ids such as `-TR4060-` (BEP 20 and clients since). */
const AZUREUS: ReadonlyMap<string, string> = new Map(
  ("7T aTorrent|A2 aria2|AG Ares|A~ Ares|AR Arctic|AV Avicora|AX BitPump|" +
    "AZ Vuze|BB BitBuddy|BC BitComet|BD BitTorrent Downloader|BE baretorrent|" +
    "BF Bitflu|BG BTG|BI BiglyBT|BL BitLord|BN Baidu Netdisk|" +
    "BP BitTorrent Pro|" +
    "BR BitRocket|BS BTSlave|BT BitTorrent|BW BitWombat|BX ~Bittorrent X|" +
    "CD Enhanced CTorrent|CT CTorrent|DB bip for Deno|DE Deluge|" +
    "DP Propagate Data Client|" +
    "EB EBit|ES electric sheep|FC FileCroc|FD Free Download Manager|FL Flud|" +
    "FT FoxTorrent|FW FrostWire|FX Freebox BitTorrent|GS GSTorrent|" +
    "GT anacrolix/torrent|HL Halite|HN Hydranode|KG KGet|KT KTorrent|" +
    "LH LH-ABC|LP Lphant|LT libtorrent|lt libTorrent (rTorrent)|LW LimeWire|" +
    "MG MediaGet|MK Meerkat|MO MonoTorrent|MP MooPolice|MR Miro|" +
    "MT MoonlightTorrent|NX Net Transport|PD Pando|PI PicoTorrent|" +
    "qB qBittorrent|QD QQDownload|QT Qt 4 Torrent example|rQ rqbit|" +
    "RT Retriever|S~ Shareaza|SB Swiftbit|SD Thunder|SS SwarmScope|" +
    "ST SymTorrent|st sharktorrent|SZ Shareaza|TL Tribler|TN TorrentDotNET|" +
    "TR Transmission|TS Torrentstorm|TT TuoTu|TX Tixati|UL uLeecher!|" +
    "UM µTorrent for Mac|UT µTorrent|UW µTorrent Web|VG Vagaa|" +
    "WD WebTorrent Desktop|WT BitLet|WW WebTorrent|WY FireTorrent|XF Xfplay|" +
    "XL Xunlei|XT XanTorrent|XX Xtorrent|ZT ZipTorrent")
    .split("|").map((entry) => [entry.slice(0, 2), entry.slice(3)]),
);

/** One-letter codes of ids such as `T03I-----` (BEP 20). */
const SHADOW: Readonly<Record<string, string>> = {
  A: "ABC",
  O: "Osprey Permaseed",
  Q: "BTQueue",
  R: "Tribler",
  S: "Shadow's client",
  T: "BitTornado",
  U: "UPnP NAT Bit Torrent",
};

const SHADOW_DIGITS =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-";

/**
 * Makes a peer id: a prefix that names the client, then random bytes (BEP 20).
 *
 * @param random Where the random bytes come from.
 * @param options See {@linkcode CreatePeerIdOptions}.
 * @returns 20 bytes.
 * @throws {RangeError} If the prefix is longer than 20 or holds a character
 * above U+00FF.
 */
export function createPeerId(
  random: RandomSource,
  options: CreatePeerIdOptions = {},
): Uint8Array<ArrayBuffer> {
  const prefix = fromByteString(options.prefix ?? PEER_ID_PREFIX);
  if (prefix.length > 20) {
    throw new RangeError(
      `Cannot make a peer id with a prefix of ${prefix.length} bytes: the longest is 20`,
    );
  }
  const id = randomBytes(random, 20);
  id.set(prefix);
  return id;
}

/**
 * Recognises the client that made a peer id (BEP 20). For display only.
 *
 * @param peerId 20 bytes; anything else is not recognised.
 * @returns Name and version, or `undefined` for an unknown style.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { identifyPeerId } from "@bip/bip/handshake";
 *
 * const id = new TextEncoder().encode("-TR4060-abcdefghijkl");
 * assertEquals(identifyPeerId(id), { name: "Transmission", version: "4.0.6" });
 * ```
 */
export function identifyPeerId(peerId: Uint8Array): PeerClient | undefined {
  if (peerId.length !== 20) return undefined;
  const text = toByteString(peerId);
  return identifySpecial(text, peerId) ?? identifyAzureus(text) ??
    identifyMainline(text) ?? identifyShadow(text);
}

/**
 * Formats a peer id for people: printable ASCII as it is, every other byte as
 * `%` and two hex digits.
 *
 * @param peerId Any bytes.
 * @returns Printable ASCII text.
 */
export function formatPeerId(peerId: Uint8Array): string {
  let text = "";
  for (const byte of peerId) {
    text += byte > 0x20 && byte < 0x7f && byte !== 0x25
      ? String.fromCharCode(byte)
      : "%" + byte.toString(16).padStart(2, "0");
  }
  return text;
}

function client(name: string, version?: string): PeerClient {
  return version === undefined ? { name } : { name, version };
}

/** Digits as clients count them: 0-9, then A-Z, then a-z. */
function digit(character: string): number {
  return SHADOW_DIGITS.indexOf(character);
}

/** A number of the given digits, as clients write it in decimal. */
function decimal(text: string, start: number, end: number): number {
  const value = Number(text.slice(start, end));
  return Number.isNaN(value) ? 0 : value;
}

function padded(text: string, start: number): string {
  return String(decimal(text, start, start + 2)).padStart(2, "0");
}

/** Three digits, and what a letter behind them means. */
function threeDigits(
  version: string,
  stages: Readonly<Record<string, string>>,
): string {
  const [a, b, c] = Array.from(version, digit);
  return `${a}.${b}.${c}${stages[version[3]!] ?? ""}`;
}

const UTORRENT_STAGES = { A: " alpha", B: " beta", D: " debug", b: " beta" };

/** `-WW0107-` is 1.7: two digits each. */
const twoNumbers = (v: string) => `${decimal(v, 0, 2)}.${decimal(v, 2, 4)}`;
/** `-BC0059-` is 0.59 and `-BC0104-` 1.04. */
const numberAndHundredths = (v: string) =>
  `${decimal(v, 0, 2)}.${padded(v, 2)}`;
const utorrent = (v: string) => threeDigits(v, UTORRENT_STAGES);

/** `-TR0006-` is 0.6, `-TR0072-` 0.72, `-TR2940-` 2.94; then as others do. */
function transmission(v: string): string {
  if (v.startsWith("000")) return `0.${v[3]}`;
  if (v.startsWith("00")) return `0.${padded(v, 2)}`;
  if (v[0]! <= "3") {
    return `${v[0]}.${padded(v, 1)}${/[XZ]/.test(v[3]!) ? "+" : ""}`;
  }
  return threeDigits(v, { B: " beta", X: "+", Z: "+" });
}

/** `-KT33D1-` is the first development version after 3.3. */
function ktorrent(v: string): string {
  const stage = v[2] === "D" ? "dev" : v[2] === "R" ? "rc" : undefined;
  return stage === undefined
    ? threeDigits(v, {})
    : `${digit(v[0]!)}.${digit(v[1]!)} ${stage} ${digit(v[3]!)}`;
}

/** Clients that do not write four digits, by code. */
const SCHEMES: ReadonlyMap<string, (version: string) => string | undefined> =
  new Map<string, (version: string) => string | undefined>([
    ...["WW", "WD"].map((code) => [code, twoNumbers] as const),
    ...["AX", "BC", "CD", "LP", "TX"].map((code) =>
      [code, numberAndHundredths] as const
    ),
    ...["BT", "UE", "UM", "UT", "UW"].map((code) => [code, utorrent] as const),
    ["BF", () => undefined],
    ["BN", () => undefined],
    ["LW", () => undefined],
    ["CT", (v) => `${digit(v[0]!)}.${digit(v[1]!)}.${padded(v, 2)}`],
    [
      "DE",
      (v) => threeDigits(v, { a: " alpha", b: " beta", d: " dev", r: " rc" }),
    ],
    ["KT", ktorrent],
    ["MG", (v) => `${digit(v[0]!)}.${digit(v[1]!)}`],
    ["PI", (v) => `${digit(v[0]!)}.${decimal(v, 1, 3)}.${digit(v[3]!)}`],
    ["TR", transmission],
  ]);

function identifyAzureus(text: string): PeerClient | undefined {
  const match = /^-([A-Za-z0-9~]{2})([0-9A-Za-z.]{3}[0-9A-Za-z.+-])/.exec(text);
  if (match === null) return undefined;
  const code = match[1]!;
  const version = match[2]!;
  // An unknown code must at least have the closing dash of the style.
  if (!AZUREUS.has(code) && text[7] !== "-") return undefined;
  const name = AZUREUS.get(code) ?? code;
  const scheme = SCHEMES.get(code);
  if (scheme !== undefined) return client(name, scheme(version));
  const parts: number[] = [];
  for (const character of version) {
    const value = digit(character);
    if (value < 0 || value > 61) break;
    parts.push(value);
  }
  while (parts.length > 3 && parts.at(-1) === 0) parts.pop();
  return client(name, parts.join("."));
}

function identifyMainline(text: string): PeerClient | undefined {
  const match = /^([MQ])(\d{1,2})-(\d{1,2})-(\d{1,2})-/.exec(text);
  if (match === null) return undefined;
  return client(
    match[1] === "M" ? "BitTorrent" : "Queen Bee",
    `${match[2]}.${match[3]}.${match[4]}`,
  );
}

function identifyShadow(text: string): PeerClient | undefined {
  const match = /^([AOQRSTU])([0-9A-Za-z.-]{5})---/.exec(text);
  if (match === null) return undefined;
  const version = match[2]!.replace(/-+$/, "");
  if (version === "" || version.includes("-")) return undefined;
  return client(
    SHADOW[match[1]!]!,
    Array.from(version, (character) => digit(character)).join("."),
  );
}

function identifySpecial(
  text: string,
  bytes: Uint8Array,
): PeerClient | undefined {
  const dotted = (digits: string) => Array.from(digits).join(".");
  let match: RegExpExecArray | null;
  if (text.startsWith("exbc") || text.startsWith("FUTB")) {
    const name = text.startsWith("LORD", 6) ? "BitLord" : "BitComet";
    return client(
      name,
      `${bytes[4]}.${String(bytes[5]).padStart(2, "0")}`,
    );
  }
  if ((match = /^XBT(\d{3})[d-]/.exec(text))) {
    return client("XBT Client", dotted(match[1]!));
  }
  if ((match = /^OP(\d{4})[0-9a-f]{4}/.exec(text))) {
    return client("Opera", `build ${match[1]}`);
  }
  if ((match = /^-ML(\d[\d.]*)-/.exec(text))) {
    return client("MLDonkey", match[1]!);
  }
  if ((match = /^-BOW([0-9A-Za-z]{3})-/.exec(text))) {
    return client("Bits on Wheels", match[1]!);
  }
  if (text.startsWith("AZ2500BT")) return client("BitTyrant", "1.1");
  if (text.startsWith("346------")) return client("TorrenTopia", "1.90");
  if ((match = /^-FG(\d{2})(\d{2})/.exec(text))) {
    return client("FlashGet", `${Number(match[1])}.${match[2]}`);
  }
  if (text.startsWith("-G3")) return client("G3 Torrent");
  if (text.startsWith("\0\x03BS")) return client("BitSpirit", "3");
  if (text.startsWith("\0\x02BS")) return client("BitSpirit", "2");
  if (text.startsWith("RS", 2) && bytes[0]! >= 0x30 && bytes[0]! <= 0x39) {
    return client("Rufus", `${text[0]}.${text[1]}`);
  }
  if ((match = /^A2-(\d{1,3})-(\d{1,3})-(\d{1,3})-/.exec(text))) {
    return client("aria2", `${match[1]}.${match[2]}.${match[3]}`);
  }
  return undefined;
}
