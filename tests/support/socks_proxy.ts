/** A SOCKS 5 proxy on loopback that counts what goes through it. */

import { toByteString } from "../../_shared/bytes.ts";

/** Options of {@linkcode SocksProxy}. */
export interface SocksProxyOptions {
  /** What it wants, as "user:password". */
  readonly login?: string;
  /** What names resolve to. @default "127.0.0.1" */
  readonly resolve?: (name: string) => string;
  /** Address that it names as its relay's. @default its own */
  readonly relayHost?: readonly number[];
}

/** Connects and relays datagrams for anyone who logs in. */
export class SocksProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #options: SocksProxyOptions;
  readonly #open = new Set<{ close(): void }>();
  readonly #tasks = new Set<Promise<void>>();
  /** What clients sent to their targets, a character a byte. */
  said = "";
  /** Targets asked for, as "connect host:port". */
  readonly requests: string[] = [];

  constructor(options: SocksProxyOptions = {}) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  get url(): string {
    const { login } = this.#options;
    return `socks5://${login ? `${login}@` : ""}127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.drop();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  /** Ends everything that goes through it. */
  drop(): void {
    for (const resource of this.#open) {
      try {
        resource.close();
      } catch {
        // Closed already.
      }
    }
    this.#open.clear();
  }

  #track(task: Promise<void>): void {
    const own: Promise<void> = task.catch(() => {}).finally(() =>
      this.#tasks.delete(own)
    );
    this.#tasks.add(own);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      this.#track(this.#serve(conn));
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const read = async (count: number) => {
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count;) {
        const more = await conn.read(bytes.subarray(at));
        if (more === null) throw new Error("The client hung up");
        at += more;
      }
      return bytes;
    };
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const [, methods] = await read(2);
    await read(methods!);
    const { login } = this.#options;
    await conn.write(Uint8Array.of(5, login ? 2 : 0));
    if (login) {
      const [, user] = await read(2);
      const name = text(await read(user!));
      const [length] = await read(1);
      const isRight = `${name}:${text(await read(length!))}` === login;
      await conn.write(Uint8Array.of(1, isRight ? 0 : 1));
      if (!isRight) return conn.close();
    }
    const [, command, , kind] = await read(4);
    const host = kind === 3
      ? text(await read((await read(1))[0]!))
      : kind === 1
      ? (await read(4)).join(".")
      : `[${await read(16)}]`;
    const [high, low] = await read(2);
    const port = high! * 256 + low!;
    this.requests.push(
      `${command === 1 ? "connect" : "associate"} ${host}:${port}`,
    );
    if (command === 1) await this.#connect(conn, host, port, kind === 3);
    else await this.#relay(conn);
  }

  #recorder(): TransformStream<Uint8Array<ArrayBuffer>> {
    return new TransformStream({
      transform: (chunk, controller) => {
        this.said += toByteString(chunk);
        controller.enqueue(chunk);
      },
    });
  }

  #target(host: string, isName: boolean): string {
    const { resolve = () => "127.0.0.1" } = this.#options;
    return isName ? resolve(host) : host;
  }

  async #connect(
    conn: Deno.TcpConn,
    host: string,
    port: number,
    isName: boolean,
  ): Promise<void> {
    let other: Deno.TcpConn;
    try {
      const hostname = this.#target(host, isName);
      other = await Deno.connect({ hostname, port });
    } catch {
      await conn.write(Uint8Array.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0));
      return conn.close();
    }
    this.#open.add(other);
    await conn.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    await Promise.allSettled([
      conn.readable.pipeThrough(this.#recorder()).pipeTo(other.writable),
      other.readable.pipeTo(conn.writable),
    ]);
  }

  async #relay(conn: Deno.TcpConn): Promise<void> {
    const listen = () =>
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const inside = listen();
    const outside = listen();
    this.#open.add(inside).add(outside);
    const { port } = inside.addr as Deno.NetAddr;
    const host = this.#options.relayHost ?? [127, 0, 0, 1];
    let client: Deno.Addr | undefined;
    const out = async () => {
      for await (const [data, from] of inside) {
        client = from;
        const isName = data[3] === 3;
        const at = isName ? 5 + data[4]! : 8;
        const name = isName
          ? new TextDecoder().decode(data.subarray(5, at))
          : data.subarray(4, 8).join(".");
        const to = data[at]! * 256 + data[at + 1]!;
        this.requests.push(`datagram ${name}:${to}`);
        this.said += toByteString(data.subarray(at + 2));
        await outside.send(data.subarray(at + 2), {
          transport: "udp",
          hostname: this.#target(name, isName),
          port: to,
        });
      }
    };
    const back = async () => {
      for await (const [data, from] of outside) {
        const { hostname, port } = from as Deno.NetAddr;
        const ip = hostname.split(".").map(Number);
        const head = [0, 0, 0, 1, ...ip, port >> 8, port & 255];
        await inside.send(Uint8Array.from([...head, ...data]), client!);
      }
    };
    this.#track(out());
    this.#track(back());
    await conn.write(
      Uint8Array.from([5, 0, 0, 1, ...host, port >> 8, port & 255]),
    );
    while (await conn.read(new Uint8Array(64)) !== null);
  }
}
