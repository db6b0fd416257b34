/**
 * Two network namespaces joined by a cable, for what must never touch the
 * machine's own interfaces. Linux, as root, with `ip`, `unshare`, `nsenter`.
 */
import { run } from "./process.ts";

/** Name of the interface at both ends. */
export const NETNS_INTERFACE = "bip0";

/** Addresses of the two hosts. */
export const NETNS_HOSTS = [
  { v4: "10.77.0.1", v6: "fd77::1" },
  { v4: "10.77.0.2", v6: "fd77::2" },
] as const;

/** A command line that runs in a namespace. */
export interface NetnsCommand {
  readonly command: string;
  readonly args: string[];
}

/** Two hosts; the namespaces end with their processes. */
export class NetnsPair implements AsyncDisposable {
  readonly #holders: readonly Deno.ChildProcess[];

  private constructor(holders: readonly Deno.ChildProcess[]) {
    this.#holders = holders;
  }

  static async open(): Promise<NetnsPair> {
    const pair = new NetnsPair([0, 1].map(() =>
      new Deno.Command("unshare", {
        args: ["-n", "sleep", "300"],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn()
    ));
    try {
      await pair.#connect();
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
    return pair;
  }

  /** How to run a command on a host. */
  command(host: 0 | 1, command: string, args: readonly string[]): NetnsCommand {
    return {
      command: "nsenter",
      args: ["-t", `${this.#holders[host]!.pid}`, "-n", command, ...args],
    };
  }

  /**
   * Gives a host more addresses, each in a subnet of its own.
   *
   * @param host Which.
   * @param network What has all of them, such as "10.78.0.0/16".
   * @param addresses IPv4 addresses.
   */
  async addAddresses(
    host: 0 | 1,
    network: string,
    addresses: readonly string[],
  ): Promise<void> {
    const dev = `dev ${NETNS_INTERFACE}`;
    for (const address of addresses) {
      await this.#ip(host, `addr add ${address}/32 ${dev}`);
    }
    await this.#ip(host === 0 ? 1 : 0, `route add ${network} ${dev}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const holder of this.#holders) {
      try {
        holder.kill("SIGKILL");
      } catch {
        // Ended already.
      }
      await holder.status;
    }
  }

  async #connect(): Promise<void> {
    const own = await Deno.readLink("/proc/self/ns/net");
    for (const { pid } of this.#holders) {
      for (let i = 0; await Deno.readLink(`/proc/${pid}/ns/net`) === own; i++) {
        if (i === 100) throw new Error("unshare -n made no namespace");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const name = NETNS_INTERFACE;
    await this.#ip(
      0,
      `link add ${name} type veth peer name ${name} netns ${
        this.#holders[1]!.pid
      }`,
    );
    for (const host of [0, 1] as const) {
      const { v4, v6 } = NETNS_HOSTS[host];
      await this.#ip(host, "link set lo up");
      await this.#ip(host, `addr add ${v4}/24 dev ${name}`);
      await this.#ip(host, `addr add ${v6}/64 dev ${name} nodad`);
      await this.#ip(host, `link set ${name} up`);
      await this.#ip(host, `route add 224.0.0.0/4 dev ${name}`);
    }
  }

  async #ip(host: 0 | 1, line: string): Promise<void> {
    const { command, args } = this.command(host, "ip", line.split(" "));
    await run(command, ...args);
  }
}

/** Why namespaces cannot be used here, or `undefined` when they can. */
export async function netnsProblem(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "network namespaces are Linux only";
  try {
    await using _pair = await NetnsPair.open();
    return undefined;
  } catch (error) {
    return `no network namespaces: ${(error as Error).message}`;
  }
}
