/**
 * The web seeds of a torrent.
 *
 * @module
 */
import type { WebSeedStatus } from "../../webseed/web_seed_options.ts";
import type { TorrentContent } from "./torrent_content.ts";
import type { WebSeedSource } from "./web_seed_source.ts";

/** Web seeds that are taken from a torrent or link, of one host and in all. */
const MAX_A_HOST = 4;
const MAX_TOLD = 12;

/** A web seed to ask. */
export interface NamedWebSeed {
  readonly url: string;
  /** Whether a person named it. */
  readonly isNamed: boolean;
}

/** Chooses web seeds: all that a person names, and some of a torrent's. */
export function chooseWebSeeds(
  named: readonly string[],
  told: readonly string[],
): NamedWebSeed[] {
  const urls = new Set<string>();
  const chosen: NamedWebSeed[] = [];
  const hosts = new Map<string, number>();
  for (const url of named) {
    const { href } = new URL(url);
    if (!urls.has(href)) chosen.push({ url, isNamed: true });
    urls.add(href);
  }
  let room = MAX_TOLD;
  for (const text of told) {
    if (room === 0) break;
    const url = URL.parse(text);
    if (
      url === null || !/^https?:$/.test(url.protocol) || urls.has(url.href)
    ) continue;
    urls.add(url.href);
    const count = hosts.get(url.hostname) ?? 0;
    if (count >= MAX_A_HOST) continue;
    hosts.set(url.hostname, count + 1);
    chosen.push({ url: text, isNamed: false });
    room--;
  }
  return chosen;
}

/** Web seeds of one torrent, made when the first piece is wanted. */
export class WebSeeds {
  readonly #content: TorrentContent;
  #sources: WebSeedSource[] = [];
  #opening: Promise<void> | undefined;
  #isClosed = false;
  #isWanted = false;

  constructor(content: TorrentContent) {
    this.#content = content;
  }

  /** Payload received, in bytes. */
  get downloadedBytes(): number {
    return this.#sources.reduce(
      (sum, { seed }) => sum + seed.downloadedBytes,
      0,
    );
  }

  /** Whether some are asked. */
  get isActive(): boolean {
    return this.#sources.some(({ inPicker }) => inPicker);
  }

  /** Tells of each. */
  statuses(): WebSeedStatus[] {
    return this.#sources.map(({ seed }) => seed.status());
  }

  /** Asks, or stops asking. */
  follow(isWanted: boolean): void {
    if (isWanted === this.#isWanted || this.#isClosed) return;
    this.#isWanted = isWanted;
    if (isWanted) {
      if (this.#opening === undefined) this.#opening = this.#open();
      else this.#start();
      return;
    }
    for (const source of this.#sources) if (source.inPicker) source.stop();
  }

  /** Ends all; resolves when nothing is left open. */
  async close(): Promise<void> {
    this.follow(false);
    this.#isClosed = true;
    await this.#opening;
    await Promise.all(this.#sources.map(({ seed }) => seed.close()));
  }

  async #open(): Promise<void> {
    const { options, context, metainfo } = this.#content.torrent;
    if (context.options.webSeeds === false) return;
    const chosen = chooseWebSeeds(options.webSeeds ?? [], metainfo!.webSeeds);
    if (chosen.length === 0) return;
    const { WebSeedSource } = await import("./web_seed_source.ts");
    if (this.#isClosed) return;
    this.#sources = chosen.map((named, i) =>
      new WebSeedSource(this.#content, named, i)
    );
    if (this.#isWanted) this.#start();
  }

  #start(): void {
    for (const source of this.#sources) source.start();
    if (this.isActive) this.#content.torrent.busy();
  }
}
