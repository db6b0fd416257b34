/** Torrents to store, for the tests of this folder. */
import { crypto } from "@std/crypto";
import { seededRandom } from "../../_shared/random.ts";
import {
  BLOCK_SIZE,
  type LayoutFile,
  PieceLayout,
} from "../../metainfo/piece_layout.ts";
import {
  merkleHeight,
  merkleLeaves,
  merklePieceLayer,
  merkleRoot,
} from "../../metainfo/merkle.ts";
import type { StorageTorrent } from "../../disk/storage.ts";

/** A torrent and its content. */
export interface TestTorrent extends StorageTorrent {
  /** The bytes of every piece, padding included. */
  readonly content: readonly Uint8Array[];
  /** The bytes of every file. */
  readonly fileContent: readonly Uint8Array[];
}

export interface TestTorrentOptions {
  readonly pieceLength: number;
  readonly files: readonly (number | LayoutFile)[];
  readonly version?: "v1" | "v2" | "hybrid";
  readonly paths?: readonly (readonly string[])[];
  readonly id?: number;
  readonly seed?: number;
}

const digest = (name: "SHA-1" | "SHA-256", data: Uint8Array) =>
  new Uint8Array(
    crypto.subtle.digestSync(name, data as Uint8Array<ArrayBuffer>),
  );

/** Makes a torrent over random bytes. */
export function makeTorrent(options: TestTorrentOptions): TestTorrent {
  const { pieceLength, version = "v1", id = 1, seed = 1 } = options;
  const random = seededRandom(seed);
  const files = options.files.map((file) =>
    typeof file === "number" ? { length: file } : file
  );
  const layout = new PieceLayout({
    pieceLength,
    files,
    alignFiles: version === "v2",
  });
  const fileContent = files.map((file) =>
    file.pad ? new Uint8Array(file.length) : random(new Uint8Array(file.length))
  );
  const content: Uint8Array[] = [];
  for (let i = 0; i < layout.pieceCount; i++) {
    const piece = new Uint8Array(layout.pieceSize(i));
    for (const span of layout.spans(i, 0, piece.length)) {
      piece.set(
        fileContent[span.fileIndex]!.subarray(
          span.fileOffset,
          span.fileOffset + span.length,
        ),
        span.dataOffset,
      );
    }
    content.push(piece);
  }
  const pieces = new Uint8Array(20 * content.length);
  content.forEach((piece, i) => pieces.set(digest("SHA-1", piece), 20 * i));
  return {
    infoHash: new Uint8Array(20).fill(id),
    layout,
    paths: options.paths ??
      files.map((_, i) => ["torrent", `f${i}`]),
    pieces: version === "v2" ? undefined : pieces,
    pieceRoot: version === "v1" ? undefined : (i) => {
      const payload = content[i]!.subarray(0, layout.payloadSize(i));
      if (payload.length === 0) return undefined;
      const fileLength = files[layout.fileAt(i)]!.length;
      const levels = fileLength > pieceLength
        ? merklePieceLayer(pieceLength)
        : merkleHeight(Math.ceil(fileLength / BLOCK_SIZE));
      const hash = merkleRoot(merkleLeaves(payload), {
        levels,
      });
      return { hash, fileLength };
    },
    content,
    fileContent,
  };
}
