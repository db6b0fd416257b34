/**
 * The check of `piece layers` against the pieces roots (BEP 52).
 *
 * @module
 */
import type { BencodeValue } from "../../bencode/mod.ts";
import { toByteString, toHex } from "../../_shared/bytes.ts";
import type { RawFile } from "./file_list.ts";
import { type Warnings, wrongType } from "./fields.ts";
import { isPieceLayer, MERKLE_HASH_LENGTH } from "../merkle.ts";
import { MetainfoError } from "../metainfo.ts";

function badLayer(file: RawFile, problem: string): MetainfoError {
  return new MetainfoError(
    "bad-piece-layers",
    "piece layers",
    `Cannot use "piece layers" of a torrent: ${problem} for "${file.field}"`,
  );
}

/** Checks the piece layers. */
export function checkPieceLayers(
  files: readonly RawFile[],
  value: BencodeValue | undefined,
  pieceLength: number,
  context: { readonly required: boolean; readonly warnings: Warnings },
): Map<string, Uint8Array> {
  const { required, warnings } = context;
  if (value !== undefined && !(value instanceof Map)) {
    throw wrongType("piece layers", "a dictionary");
  }
  for (const [root, layer] of value ?? []) {
    if (root.length !== MERKLE_HASH_LENGTH) {
      throw new MetainfoError(
        "bad-piece-layers",
        "piece layers",
        `Cannot use "piece layers" of a torrent: a key has ${root.length} bytes, not ${MERKLE_HASH_LENGTH}`,
      );
    }
    if (!(layer instanceof Uint8Array)) {
      throw wrongType("piece layers", "a string for each root");
    }
  }
  const layers = new Map<string, Uint8Array>();
  const lengths = new Map<string, number>();
  let isMissing = false;
  for (const file of files) {
    const { piecesRoot, length } = file;
    if (piecesRoot === undefined || length <= pieceLength) continue;
    const hex = toHex(piecesRoot);
    const known = lengths.get(hex);
    if (known !== undefined) {
      // The same root over another length cannot be the same file.
      if (known !== length) throw badLayer(file, "two lengths share a root");
      continue;
    }
    const layer = value?.get(toByteString(piecesRoot)) as
      | Uint8Array
      | undefined;
    if (layer === undefined) {
      if (required) throw badLayer(file, "the layer is missing");
      isMissing = true;
      continue;
    }
    if (!isPieceLayer(layer, piecesRoot, length, pieceLength)) {
      throw badLayer(file, "the layer does not lead to the pieces root");
    }
    lengths.set(hex, length);
    layers.set(hex, layer);
  }
  if (isMissing) warnings.add("missing-piece-layers", "piece layers");
  if (value !== undefined && value.size > layers.size) {
    warnings.add("stray-piece-layer", "piece layers");
  }
  return layers;
}
