/**
 * A torrent as `bip info` shows it: a JSON document for scripts, lines for
 * people.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import {
  diskPaths,
  type RenamedFile,
  renamedFiles,
} from "../../metainfo/disk_paths.ts";
import { formatMagnet, type Magnet } from "../../metainfo/magnet.ts";
import { magnetOf, type Metainfo } from "../../metainfo/metainfo.ts";
import { plural, rangesOf, safeText } from "../text.ts";
import { formatSize } from "../units.ts";

/** One file of a {@linkcode TorrentDocument}. */
export interface DocumentFile {
  /** Path below the download folder, with forward slashes. */
  readonly path: string;
  /** Length in bytes. */
  readonly length: number;
  /** For a symbolic link (BEP 47): the path of what it leads to. */
  readonly symlink?: string;
}

/** What `bip info --json` prints; null where something is absent. */
export interface TorrentDocument {
  /** Name of the file or folder. */
  readonly name: string | null;
  /** 40 hex digits. */
  readonly infoHashV1: string | null;
  /** 64 hex digits. */
  readonly infoHashV2: string | null;
  /** Which protocol it is for. */
  readonly version: "v1" | "v2" | "hybrid";
  /** Bytes a piece. */
  readonly pieceLength: number | null;
  /** How many pieces. */
  readonly pieceCount: number | null;
  /** Bytes of all files. */
  readonly totalLength: number | null;
  /** The files in order, without padding. */
  readonly files: readonly DocumentFile[] | null;
  /**
   * Files whose names are made safe for writing: position among `files`, path
   * in the torrent, path on disk. Absent when there are none.
   */
  readonly renamed?: readonly RenamedFile[];
  /** Whether only its own trackers may give peers. */
  readonly private: boolean | null;
  /** Tracker URLs in tiers. */
  readonly trackers: readonly (readonly string[])[];
  /** Web seed URLs. */
  readonly webSeeds: readonly string[];
  /** DHT nodes as `host:port`. */
  readonly nodes: readonly string[];
  /** Peers of a magnet link as `host:port`. Absent when there are none. */
  readonly peers?: readonly string[];
  /** Indices of the files that a magnet link is about (BEP 53), if it says so. */
  readonly selectOnly?: readonly number[];
  /** Free text. */
  readonly comment: string | null;
  /** The program that made it. */
  readonly createdBy: string | null;
  /** Seconds since 1970. */
  readonly creationDate: number | null;
  /** Where it is from. */
  readonly source: string | null;
  /** The magnet link. */
  readonly magnet: string;
}

/** A hash for JSON. */
export const hexOrNull = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : toHex(bytes);

const nodesOf = (nodes: readonly Endpoint[]): string[] =>
  nodes.map(formatEndpoint);

/**
 * The paths of all files as they are where every name is another file.
 *
 * @param metainfo A torrent.
 * @returns One path a file, below the download folder.
 */
export function shownPaths(metainfo: Metainfo): string[][] {
  return diskPaths(metainfo, { ignoresCase: false, ignoresForm: false });
}

function renamedOf(metainfo: Metainfo): RenamedFile[] {
  const { files } = metainfo;
  const renamed = renamedFiles(metainfo, shownPaths(metainfo));
  let pads = 0;
  let at = 0;
  return renamed.map(({ index, from, to }) => {
    for (; at < index; at++) if (files[at]!.pad) pads++;
    return { index: index - pads, from, to };
  });
}

/** A listed file: what people count from 1 and scripts select. */
export interface ListedFile extends DocumentFile {
  /** Its index among all files of the torrent, padding included. */
  readonly fileIndex: number;
}

/**
 * Lists the files that end up on disk: everything but padding.
 *
 * @param metainfo A torrent.
 * @returns The files in order.
 */
export function listFiles(metainfo: Metainfo): ListedFile[] {
  const paths = shownPaths(metainfo);
  const listed: ListedFile[] = [];
  metainfo.files.forEach((file, fileIndex) => {
    if (file.pad) return;
    listed.push({
      path: paths[fileIndex]!.join("/"),
      length: file.length,
      ...(file.symlink === undefined
        ? {}
        : { symlink: [metainfo.name, ...file.symlink].join("/") }),
      fileIndex,
    });
  });
  return listed;
}

/**
 * Describes a torrent file.
 *
 * @param metainfo The torrent.
 * @returns The document.
 */
export function torrentDocument(metainfo: Metainfo): TorrentDocument {
  const renamed = renamedOf(metainfo);
  return {
    name: metainfo.name,
    infoHashV1: hexOrNull(metainfo.infoHashV1),
    infoHashV2: hexOrNull(metainfo.infoHashV2),
    version: metainfo.version,
    pieceLength: metainfo.pieceLength,
    pieceCount: metainfo.pieceCount,
    totalLength: metainfo.totalLength,
    files: listFiles(metainfo).map(({ fileIndex: _, ...file }) => file),
    ...(renamed.length > 0 ? { renamed } : {}),
    private: metainfo.private,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    nodes: nodesOf(metainfo.nodes),
    comment: metainfo.comment ?? null,
    createdBy: metainfo.createdBy ?? null,
    creationDate: metainfo.creationDate ?? null,
    source: metainfo.source ?? null,
    magnet: formatMagnet(magnetOf(metainfo)),
  };
}

/**
 * Describes a magnet link: what it does not say is null.
 *
 * @param magnet The link.
 * @returns The document.
 */
export function magnetDocument(magnet: Magnet): TorrentDocument {
  return {
    name: magnet.name ?? null,
    infoHashV1: hexOrNull(magnet.infoHashV1),
    infoHashV2: hexOrNull(magnet.infoHashV2),
    version: magnet.infoHashV2 === undefined
      ? "v1"
      : magnet.infoHashV1 === undefined
      ? "v2"
      : "hybrid",
    pieceLength: null,
    pieceCount: null,
    totalLength: magnet.length ?? null,
    files: null,
    private: null,
    trackers: magnet.trackers.map((url) => [url]),
    webSeeds: magnet.webSeeds,
    nodes: nodesOf(magnet.nodes),
    comment: null,
    createdBy: null,
    creationDate: null,
    source: null,
    magnet: formatMagnet(magnet),
    ...(magnet.peers.length > 0 ? { peers: nodesOf(magnet.peers) } : {}),
    ...(magnet.selectOnly.length > 0 ? { selectOnly: magnet.selectOnly } : {}),
  };
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? `${seconds} s`
    : date.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/**
 * Writes a document for people.
 *
 * @param document The document.
 * @returns Lines that are safe to show.
 */
export function documentLines(document: TorrentDocument): string[] {
  const lines: string[] = [];
  const add = (label: string, value: string | null) => {
    if (value !== null) lines.push(`${label.padEnd(14)}${safeText(value)}`);
  };
  const { files, totalLength, pieceLength, pieceCount } = document;
  add("Name", document.name);
  add("Info-hash v1", document.infoHashV1);
  add("Info-hash v2", document.infoHashV2);
  add("Version", document.version);
  if (totalLength !== null) {
    const count = files === null ? "" : `, ${plural(files.length, "file")}`;
    add(
      "Size",
      `${formatSize(totalLength)} (${plural(totalLength, "byte")}${count})`,
    );
  }
  if (pieceLength !== null) {
    add("Pieces", `${pieceCount} of ${formatSize(pieceLength)}`);
  }
  if (document.private) add("Private", "yes");
  if (document.creationDate !== null) {
    add("Created", dateText(document.creationDate));
  }
  add("Created by", document.createdBy);
  add("Comment", document.comment);
  add("Source", document.source);
  document.trackers.forEach((tier, index) => {
    for (const url of tier) add("Tracker", `${index + 1}: ${url}`);
  });
  for (const url of document.webSeeds) add("Web seed", url);
  for (const node of document.nodes) add("DHT node", node);
  for (const peer of document.peers ?? []) add("Peer", peer);
  if (document.selectOnly !== undefined) {
    add("Only files", rangesOf(document.selectOnly.map((i) => i + 1)));
  }
  add("Magnet", document.magnet);
  // There may be more files than a call takes arguments.
  return files === null ? lines : [...lines, "", ...fileLines(files)];
}

/**
 * Writes a numbered list of files for people.
 *
 * @param files The files.
 * @returns Lines that are safe to show, numbered from 1.
 */
export function fileLines(files: readonly DocumentFile[]): string[] {
  const width = String(files.length).length;
  return files.map(({ path, length, symlink }, index) =>
    `${String(index + 1).padStart(width + 2)}  ${
      formatSize(length).padStart(10)
    }  ${safeText(path)}${
      symlink === undefined ? "" : ` -> ${safeText(symlink)}`
    }`
  );
}
