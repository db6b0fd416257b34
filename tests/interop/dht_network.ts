/** A DHT of our nodes alone, as they live on the internet: a subnet for each. */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import type { NetnsPair } from "../support/netns.ts";
import { fromFileUrl } from "../support/paths.ts";
import type { Child, ChildLine } from "../support/process.ts";
import { startDenoOn, until } from "./discovery.ts";

/** Nodes on the first of two hosts. */
export class DhtNetwork implements AsyncDisposable {
  readonly endpoints: readonly Endpoint[];
  readonly #child: Child;

  private constructor(endpoints: readonly Endpoint[], child: Child) {
    this.endpoints = endpoints;
    this.#child = child;
  }

  /** Starts them and waits until they know each other. */
  static async open(pair: NetnsPair, count: number): Promise<DhtNetwork> {
    const endpoints = Array.from({ length: count }, (_, i) => ({
      hostname: `10.78.${i}.1`,
      port: 6881,
    }));
    await pair.addAddresses(
      0,
      "10.78.0.0/16",
      endpoints.map((n) => n.hostname),
    );
    const child = startDenoOn(pair, 0, [
      fromFileUrl(new URL("./peers/dht_nodes.ts", import.meta.url)),
      ...endpoints.map(formatEndpoint),
    ]);
    const network = new DhtNetwork(endpoints, child);
    try {
      await network.#until("listening", () => true);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** As `--dht-node` takes one of them. */
  get address(): string {
    return formatEndpoint(this.endpoints[0]!);
  }

  /** Waits until a peer is stored; transmission needs up to 50 s for that. */
  async untilKnown(infoHash: Uint8Array, peer: string): Promise<void> {
    const hash = infoHash.toHex();
    await this.#until(
      "announce",
      (line) => line.hash === hash && line.peer === peer,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async #until(
    type: string,
    where: (line: ChildLine) => boolean,
  ): Promise<void> {
    const { lines } = this.#child;
    try {
      await until(
        `our DHT tells "${type}"`,
        () => lines.some((line) => line.type === type && where(line)),
        80_000,
      );
    } catch (error) {
      throw new Error(`${JSON.stringify(lines)}\n${this.#child.stderr}`, {
        cause: error,
      });
    }
  }
}
