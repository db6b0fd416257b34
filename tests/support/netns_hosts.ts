/**
 * Hosts in network namespaces of their own, with files of their own where these
 * are laid over the machine's. Linux, as root, with `ip`, `unshare`, `nsenter`.
 */
import { TempDir } from "./paths.ts";
import { Child, run } from "./process.ts";

/** A few hosts; the namespaces end with their processes. */
export class NetnsHosts implements AsyncDisposable {
  readonly #holders: readonly Deno.ChildProcess[];
  readonly #temp = new TempDir();
  #files = 0;

  private constructor(holders: readonly Deno.ChildProcess[]) {
    this.#holders = holders;
  }

  /** Makes so many, each with its loopback only. */
  static async open(count: number): Promise<NetnsHosts> {
    const hosts = new NetnsHosts(
      Array.from({ length: count }, () =>
        new Deno.Command("unshare", {
          args: ["-n", "-m", "--propagation", "private", "sleep", "600"],
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn()),
    );
    try {
      const own = await Deno.readLink("/proc/self/ns/mnt");
      for (const [host, { pid }] of hosts.#holders.entries()) {
        for (let i = 0; await Deno.readLink(`/proc/${pid}/ns/mnt`) === own;) {
          if (++i === 100) throw new Error("unshare made no namespace");
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await hosts.run(host, "mount -t sysfs own /sys; ip link set lo up");
      }
      return hosts;
    } catch (error) {
      await hosts[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How to run a command on a host. */
  command(host: number, command: string, args: readonly string[]): string[] {
    const { pid } = this.#holders[host]!;
    return ["nsenter", "-t", `${pid}`, "-n", "-m", "--", command, ...args];
  }

  /** Starts a program on a host. */
  start(
    host: number,
    { command, args }: { command: string; args: readonly string[] },
    env: Record<string, string> = {},
  ): Child {
    const [first, ...rest] = this.command(host, command, args);
    return new Child(first!, { args: rest, env });
  }

  /** Runs lines of a shell on a host; what they print. */
  async run(host: number, script: string): Promise<string> {
    const [command, ...args] = this.command(host, "sh", ["-ec", script]);
    return await run(command!, ...args);
  }

  /** Joins two hosts by a cable whose ends have this name and these addresses. */
  async connect(
    name: string,
    [one, oneAddress]: readonly [number, string],
    [two, twoAddress]: readonly [number, string],
  ): Promise<void> {
    const { pid } = this.#holders[two]!;
    await this.run(
      one,
      `ip link add ${name} type veth peer name ${name} netns ${pid}`,
    );
    for (const [host, address] of [[one, oneAddress], [two, twoAddress]]) {
      await this.run(
        host as number,
        `ip addr add ${address} dev ${name}; ip link set ${name} up`,
      );
    }
  }

  /** Lays a text over a file of the machine, for one host. */
  async overlay(host: number, path: string, text: string): Promise<void> {
    const file = this.#temp.join(`${this.#files++}`);
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, 0o644);
    await this.run(host, `mount --bind ${file} ${path}`);
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
    await this.#temp[Symbol.asyncDispose]();
  }
}
