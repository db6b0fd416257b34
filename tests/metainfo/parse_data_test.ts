import { assert, assertEquals } from "@std/assert";
import {
  filePath,
  type Metainfo,
  MetainfoError,
} from "../../metainfo/metainfo.ts";
import { parseInfo, parseMetainfo } from "../../metainfo/parse.ts";
import { editMetainfo } from "../../metainfo/edit.ts";
import { toHex } from "../../_shared/bytes.ts";
import { loadBytes, loadEntries } from "./_data.ts";

/** Where we refuse what the oracle loads, by an issue of the strict checker. */
const STRICTER: readonly (readonly [issue: string, reason: string])[] = [
  [
    "no piece layers",
    "BEP 52: not valid without; the payload could not be checked piece by piece",
  ],
  ["the piece layer of a file is missing", "as above"],
  ["piece layers is not a dictionary", "as above"],
  [
    "a piece layer does not hash to its pieces root",
    "BEP 52: not valid; the layer would make us ban honest peers",
  ],
  [
    "no pieces",
    "a hybrid without v1 hashes: its v1 half could never be checked",
  ],
];

/** Where we load what the oracle refuses, by the oracle's error. */
const LAXER: readonly (readonly [error: string, reason: string])[] = [
  [
    "bencoded nesting depth exceeded",
    "below 2000 levels: unknown keys may nest, and nothing here recurses",
  ],
  [
    "invalid or missing 'piece length' entry in torrent file",
    "up to 2^31 - 1 bytes: BEP 3 sets no bound",
  ],
  [
    "invalid length of torrent",
    "a total length of 0 is legal: there are just no pieces",
  ],
  [
    "missing name in torrent file",
    "a v2 file key of nothing but dots falls back to the torrent's name",
  ],
];

/** Where a value differs, by file or by class, and why. */
const DEPARTURES: Readonly<Record<string, readonly string[]>> = {
  // Each invalid byte becomes one "_"; the oracle swallows what follows, at
  // times the dot of the extension.
  "non-utf8": ["name", "files", "comment"],
  "d-meta-numbers-309": ["comment"],
  "d-path-11-numbers": ["files"],
  // BitComet's name, but the file does not fill a piece to its end.
  "d-attr-lots-326": ["files", "totalLength"],
  "lt-pad_file": ["files", "totalLength"],
  // A flat announce-list is taken, too.
  "d-trk-lots-261": ["trackers"],
  // The oracle cuts names at 240 bytes.
  "long-name": ["name", "files"],
  // A link that leads nowhere is dropped; the oracle points it at itself.
  "symlinks": ["files"],
  "symlink-escape": ["files"],
  // A disk that ignores Unicode form would overwrite one of the two.
  "d-uni-nfd-nfc": ["files"],
  // The oracle lets a key of nothing safe stand for the folder itself.
  "d-v2-key-1": ["files"],
  "lt-v2_invalid_filename2": ["files"],
  // The oracle keeps tiers in eight bits.
  "many-trackers": ["trackers"],
  // URLs are kept as written; the oracle escapes them and adds a slash.
  "web-seeds": ["webSeeds"],
};

interface Entry {
  file: string;
  verdict: "valid" | "invalid";
  error?: string;
  classes: string[];
  spec_issues: string[];
  infohash_v1: string | null;
  infohash_v2: string | null;
  name: string;
  piece_length: number;
  num_pieces: number;
  num_files: number;
  content_size?: number;
  files: {
    path: string;
    size: number;
    flags?: string[];
    symlink?: string;
    pieces_root?: string;
  }[];
  renamed_files?: Record<string, string>;
  private: boolean;
  trackers: string[][];
  web_seeds: string[];
  http_seeds: string[];
  dht_nodes: [string, number][];
  creation_date: number;
  created_by: string;
  comment: string;
  similar?: string[];
  collections?: string[];
}

const entries = loadEntries("torrents/manifest.json") as unknown as Entry[];
const skipped = entries.length === 0 ? " (no test data)" : "";

function tryParse(bytes: Uint8Array): Metainfo | MetainfoError {
  try {
    return parseMetainfo(bytes);
  } catch (error) {
    if (error instanceof MetainfoError) return error;
    throw error;
  }
}

function ours(metainfo: Metainfo): Record<string, unknown> {
  const hex = (bytes: Uint8Array | undefined) => bytes ? toHex(bytes) : null;
  return {
    infoHashV1: hex(metainfo.infoHashV1),
    infoHashV2: hex(metainfo.infoHashV2),
    name: metainfo.name,
    pieceLength: metainfo.pieceLength,
    pieceCount: metainfo.pieceCount,
    private: metainfo.private,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    httpSeeds: metainfo.httpSeeds,
    nodes: metainfo.nodes.map((node) => [node.hostname, node.port]),
    creationDate: metainfo.creationDate ?? 0,
    createdBy: metainfo.createdBy ?? "",
    comment: (metainfo.comment ?? "").slice(0, 300),
    similar: metainfo.similar.map(toHex).sort(),
    collections: [...metainfo.collections].sort(),
    totalLength: metainfo.totalLength,
    files: metainfo.files.map((file, i) => ({
      path: filePath(metainfo, i).join("/"),
      length: file.length,
      pad: file.pad,
      executable: file.executable,
      hidden: file.hidden,
      symlink: file.symlink
        ? [metainfo.name, ...file.symlink].join("/")
        : undefined,
      piecesRoot: hex(file.piecesRoot) ?? undefined,
    })).filter((file) => !file.pad),
  };
}

function theirs(entry: Entry): Record<string, unknown> {
  return {
    infoHashV1: entry.infohash_v1,
    infoHashV2: entry.infohash_v2,
    name: entry.name,
    pieceLength: entry.piece_length,
    pieceCount: entry.num_pieces,
    private: entry.private,
    trackers: entry.trackers.map((tier) => tier.map((url) => url.trim())),
    webSeeds: entry.web_seeds,
    httpSeeds: entry.http_seeds,
    nodes: entry.dht_nodes,
    creationDate: entry.creation_date,
    createdBy: entry.created_by,
    comment: entry.comment,
    similar: [...entry.similar ?? []].sort(),
    collections: [...entry.collections ?? []].sort(),
    totalLength: entry.content_size,
    files: entry.files.map((file, i) => ({
      path: entry.renamed_files?.[i] ?? file.path,
      length: file.size,
      pad: file.flags?.includes("pad") ?? false,
      executable: file.flags?.includes("executable") ?? false,
      hidden: file.flags?.includes("hidden") ?? false,
      symlink: file.symlink ?? undefined,
      piecesRoot: file.pieces_root ?? undefined,
    })).filter((file) => !file.pad),
  };
}

function maySkip(entry: Entry, field: string): boolean {
  // The data set lists the first 50 files only.
  if (entry.num_files > 50 && (field === "files" || field === "totalLength")) {
    return true;
  }
  const stem = entry.file.replace(/^.*\/|\.torrent$/g, "");
  return [stem, ...entry.classes].some((key) =>
    DEPARTURES[key]?.includes(field)
  );
}

Deno.test({
  name: `parseMetainfo: loads and refuses as the data set says${skipped}`,
  ignore: entries.length === 0,
  fn() {
    const unusedStricter = new Set(STRICTER.map(([issue]) => issue));
    const unusedLaxer = new Set(LAXER.map(([error]) => error));
    for (const entry of entries) {
      const { file, verdict, spec_issues: issues } = entry;
      const result = tryParse(loadBytes(`torrents/${file}`)!);
      if (result instanceof MetainfoError) {
        assert(issues.length > 0, `${file}: ${result.message}`);
        if (verdict === "invalid") continue;
        const found = STRICTER.filter(([issue]) => issues.includes(issue));
        assert(found.length > 0, `${file}: ${result.message}`);
        for (const [issue] of found) unusedStricter.delete(issue);
      } else if (verdict === "invalid") {
        assertEquals(issues, [], file);
        assert(LAXER.some(([error]) => error === entry.error), file);
        unusedLaxer.delete(entry.error!);
      }
    }
    assertEquals([...unusedStricter], []);
    assertEquals([...unusedLaxer], []);
  },
});

Deno.test({
  name: `parseMetainfo: reads what the oracle reads${skipped}`,
  ignore: entries.length === 0,
  fn() {
    let compared = 0;
    for (const entry of entries) {
      if (entry.verdict === "invalid") continue;
      const result = tryParse(loadBytes(`torrents/${entry.file}`)!);
      if (result instanceof MetainfoError) continue;
      const [a, b] = [ours(result), theirs(entry)];
      for (const field of Object.keys(a)) {
        if (maySkip(entry, field)) continue;
        assertEquals(a[field], b[field], `${entry.file}: ${field}`);
        compared++;
      }
    }
    assert(compared > 4000, `${compared}`);
  },
});

Deno.test({
  name: `parseMetainfo: no file of the data set escapes or overlaps${skipped}`,
  ignore: entries.length === 0,
  fn() {
    for (const entry of entries) {
      const result = tryParse(loadBytes(`torrents/${entry.file}`)!);
      if (result instanceof MetainfoError) continue;
      const seen = new Set<string>();
      result.files.forEach((file, i) => {
        const path = filePath(result, i);
        for (const part of [...path, ...file.symlink ?? []]) {
          assert(
            part !== "" && part !== "." && part !== ".." &&
              !/[/\\\0]/.test(part),
            `${entry.file}: ${part}`,
          );
        }
        if (file.pad) return;
        const key = path.join("/").normalize("NFC").toLowerCase();
        assert(!seen.has(key), `${entry.file}: ${key}`);
        seen.add(key);
      });
    }
  },
});

Deno.test({
  name: `editMetainfo, parseInfo: keep every info-hash${skipped}`,
  ignore: entries.length === 0,
  fn() {
    for (const entry of entries) {
      const bytes = loadBytes(`torrents/${entry.file}`)!;
      const result = tryParse(bytes);
      if (result instanceof MetainfoError) continue;
      const edited = editMetainfo(bytes, {
        trackers: [["udp://new.example:1"]],
        comment: "edited",
      });
      const again = parseMetainfo(edited);
      assertEquals(again.infoBytes, result.infoBytes, entry.file);
      assertEquals(again.infoHash, result.infoHash, entry.file);
      assertEquals(again.infoHashV2, result.infoHashV2, entry.file);
      assertEquals(again.trackers, [["udp://new.example:1"]]);
      assertEquals(again.comment, "edited");
      assertEquals(again.webSeeds, result.webSeeds, entry.file);
      const part = parseInfo(result.infoBytes);
      assertEquals(part.infoHash, result.infoHash, entry.file);
      assertEquals(part.files.length, result.files.length, entry.file);
    }
  },
});
