/**
 * Tells the program that started us how we are: sd_notify(3), as systemd has it.
 *
 * @module
 */
import { encodeText } from "../../_shared/bytes.ts";

/** Where the notices go, if anybody wants any. */
export function notifySocket(): string | undefined {
  const variable = "NOTIFY_SOCKET";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const path = state === "granted" ? Deno.env.get(variable) : undefined;
  return path === "" ? undefined : path;
}

/** Sends notices to a service manager; without one does nothing. */
export class ServiceManager {
  readonly #path: string | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(path: string | undefined = notifySocket()) {
    this.#path = path;
  }

  /**
   * Tells something, after what was told before; never rejects.
   *
   * @param lines Such as `["READY=1", "STATUS=3 torrents"]`.
   */
  tell(...lines: readonly string[]): Promise<void> {
    const path = this.#path;
    if (path === undefined) return Promise.resolve();
    return this.#last = this.#last.then(() =>
      send(path, lines).catch(() => sendByProgram(lines)).catch(() => {})
    );
  }

  /** Tells that it is being set up anew. */
  reloading(): Promise<void> {
    // systemd wants the time of CLOCK_MONOTONIC, which the uptime is nearly.
    const microseconds = Math.round(Deno.osUptime() * 1e6);
    return this.tell("RELOADING=1", `MONOTONIC_USEC=${microseconds}`);
  }
}

/** Sends a datagram, from a name of our own, as Deno wants one. */
async function send(path: string, lines: readonly string[]): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "bip_notify_" });
  try {
    const socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: `${dir}/from`,
    });
    try {
      const transport = "unixpacket";
      await socket.send(encodeText(lines.join("\n")), { transport, path });
    } finally {
      socket.close();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Where Deno cannot: abstract sockets, and without `--unstable-net`. */
async function sendByProgram(lines: readonly string[]): Promise<void> {
  await new Deno.Command("systemd-notify", {
    args: [...lines],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
}
