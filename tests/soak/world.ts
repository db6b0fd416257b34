/**
 * Where a soak takes place: a network, mounts and processes of its own, so that
 * nothing leaves it and all of it ends with it.
 */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { toHex } from "../../_shared/bytes.ts";
import {
  payloadBytes,
  type PayloadFiles,
  writePayload,
} from "../support/payload.ts";
import { run } from "../support/process.ts";

/** Where the daemons are. */
export const DAEMON_HOST = "10.9.0.1";
/** Addresses of all who take part; none is of the loopback network. */
const HOSTS = [
  DAEMON_HOST,
  ...[1, 2, 3, 4, 5].map((host) => `10.9.1.${host}`),
  ...["10.9.2.1", "10.9.2.2", "10.9.3.1", "10.9.4.1", "10.9.5.1"],
  ...["10.9.6.1", "10.9.6.2"],
];

/** Gives this process's network its addresses. */
export async function openNetwork(): Promise<void> {
  await run("ip", "link", "set", "lo", "up");
  for (const host of HOSTS) {
    await run("ip", "address", "add", `${host}/32`, "dev", "lo");
  }
  for (const host of HOSTS) {
    // Who names no address of its own is one of the daemons.
    const route = `route replace local ${host} dev lo table local proto kernel`;
    await run("ip", ...route.split(" "), "src", DAEMON_HOST);
  }
  await run("nft", "add table ip soak");
  await run(
    "nft",
    "add chain ip soak in { type filter hook input priority 0; }",
  );
}

/** A torrent of the library. */
export interface Title {
  readonly index: number;
  readonly name: string;
  readonly version: "v1" | "v2" | "hybrid";
  /** 40 hex digits. */
  readonly hash: string;
  readonly torrent: Uint8Array;
  /** Path of the torrent file. */
  readonly path: string;
  readonly magnet: string;
  /** By path below the folder of the library, in the order of the torrent. */
  readonly files: PayloadFiles;
  readonly size: number;
}

/** Makes torrents, and writes their payload below a folder. */
export async function makeLibrary(
  dir: string,
  count: number,
  announce: string,
  random: RandomSource,
): Promise<Title[]> {
  const titles: Title[] = [];
  for (let index = 0; index < count; index++) {
    const name = `soak-${index}`;
    const files: Record<string, number> = {};
    for (const file of ["a.bin", "sub/b.bin", "sub/ü.dat"]) {
      files[`${name}/${file}`] = 1 + randomInt(random, 1_500_000);
    }
    await writePayload(dir, files);
    const version = (["v1", "hybrid", "v1", "v2"] as const)[index % 4]!;
    const torrent = await createMetainfo({
      name,
      inputs: Object.entries(files).map(([file, size]) => ({
        path: file.split("/").slice(1),
        bytes: payloadBytes(file, size),
      })),
      trackers: [[announce]],
      pieceLength: 32_768,
      version,
    });
    const path = `${dir}/${name}.torrent`;
    await Deno.writeFile(path, torrent);
    const hash = toHex(parseMetainfo(torrent).infoHash);
    titles.push({
      index,
      name,
      version,
      hash,
      torrent,
      path,
      magnet: `magnet:?xt=urn:btih:${hash}&dn=${name}&tr=${
        encodeURIComponent(announce)
      }`,
      files,
      size: Object.values(files).reduce((sum, size) => sum + size, 0),
    });
  }
  return titles;
}

/** Waits, unless the soak ends before. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** Counts by name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Such as `3 kills, 2 blackouts`. */
  toString(): string {
    return [...this.#counts].map(([name, count]) => `${count} ${name}`)
      .join(", ");
  }
}
