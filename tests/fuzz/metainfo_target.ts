/** Torrent files, edits of them, and bare info dictionaries. */
import { encodeBencode } from "../../bencode/mod.ts";
import {
  editMetainfo,
  MetainfoError,
  parseInfo,
  parseMetainfo,
} from "../../metainfo/mod.ts";
import { toByteString } from "../../_shared/bytes.ts";
import { v2File } from "../metainfo/_torrents.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

function seeds(): Uint8Array[] {
  const a = v2File(20_000);
  const b = v2File(5);
  const v1 = {
    files: [
      { length: 20_000, path: ["dir", "a"], "path.utf-8": ["dir", "ä"] },
      { attr: "p", length: 12_768, path: [".pad", "12768"] },
      { length: 5, path: ["dir", "b"] },
      { attr: "lx", length: 0, path: ["l"], "symlink path": ["dir", "a"] },
    ],
    name: "two",
    "piece length": 16384,
    pieces: new Uint8Array(60),
    private: 1,
    source: "S",
  };
  const tree = { dir: { a: { "": a.entry }, b: { "": b.entry } } };
  const v2 = {
    "file tree": tree,
    "meta version": 2,
    name: "two",
    "piece length": 16384,
  };
  const hybrid = { ...v1, ...v2, files: v1.files.slice(0, 3) };
  const top = {
    announce: "udp://tracker.example:1",
    "announce-list": [["udp://a"], ["http://b", "http://c"]],
    comment: "c",
    "creation date": 1_700_000_000,
    nodes: [["router.example", 6881]],
    "url-list": ["http://w/"],
  };
  const layers = { "piece layers": { [toByteString(a.piecesRoot)]: a.layer } };
  return [
    encodeBencode({ ...top, info: v1 }),
    encodeBencode({ ...layers, info: v2 }),
    encodeBencode({ ...top, ...layers, info: hybrid }),
    encodeBencode(v1),
    encodeBencode(v2),
    encodeBencode({
      info: {
        length: 5,
        name: "x",
        "piece length": 16384,
        pieces: "p".repeat(20),
      },
    }),
  ];
}

function typed<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof MetainfoError) return undefined;
    throw error;
  }
}

/** Torrent files. */
export const fuzzTarget: FuzzTarget = {
  name: "metainfo",
  seeds,
  run(input: Uint8Array): void {
    typed(() => parseInfo(input));
    const metainfo = typed(() => parseMetainfo(input));
    if (metainfo === undefined) {
      typed(() => editMetainfo(input, { comment: "x" }));
      return;
    }
    // What can be read can be edited, and read again.
    const edited = parseMetainfo(editMetainfo(input, { comment: "x" }));
    if (toByteString(edited.infoHash) !== toByteString(metainfo.infoHash)) {
      throw new Error("An edit changed the info-hash");
    }
    for (const file of metainfo.files) {
      if (file.path.some((part) => /^\.{0,2}$|[/\\\0]/.test(part))) {
        throw new Error(`An unsafe path: ${JSON.stringify(file.path)}`);
      }
    }
    for (let i = 0; i < Math.min(metainfo.pieceCount, 8); i++) {
      metainfo.layout.spans(i, 0, metainfo.layout.pieceSize(i));
    }
  },
};
