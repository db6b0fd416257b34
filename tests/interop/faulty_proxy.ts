/** A proxy between a program and an object store that makes requests fail. */

/** What goes wrong with a request. */
export type Fault =
  | "slow-down"
  | "reset"
  | "cut"
  | "wrong-etag"
  | "error-in-200";

/** A request that passed. */
export interface PassedRequest {
  readonly method: string;
  /** Path and query, decoded. */
  readonly path: string;
  /** Whether the store did what was asked. */
  done: boolean;
}

/** Passes requests on, signatures and all, but for faults. */
export class FaultyProxy implements AsyncDisposable {
  readonly requests: PassedRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #waiting = new Set<() => void>();
  readonly #client = Deno.createHttpClient({ allowHost: true });

  /** `decide` is asked for each request. */
  constructor(port: number, decide: () => Fault | undefined) {
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      onError: () => new Response(null, { status: 502 }),
    }, (request) => this.#pass(request, port, decide()));
  }

  /** Where it is. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Waits until so many requests came. */
  async until(count: number): Promise<void> {
    const end = Date.now() + 20_000;
    while (this.requests.length < count && Date.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async #pass(
    request: Request,
    port: number,
    fault: Fault | undefined,
  ): Promise<Response> {
    const url = new URL(request.url);
    const { method } = request;
    const passed = {
      method,
      path: decodeURIComponent(url.pathname + url.search),
      done: false,
    };
    this.requests.push(passed);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    const body = new Uint8Array(await request.arrayBuffer());
    if (fault === "slow-down") {
      return new Response("<Error><Code>SlowDown</Code></Error>", {
        status: 503,
      });
    }
    if (fault === "error-in-200" && method === "PUT") {
      return new Response("<Error><Code>InternalError</Code></Error>");
    }
    const answer = await this.#ask(request, url, port, body);
    passed.done = answer.status < 300;
    const bytes = method === "HEAD" ? new Uint8Array() : await answer.bytes();
    const headers = new Headers(answer.headers);
    const { status } = answer;
    if (fault === "reset" && method !== "HEAD") {
      return new Response(
        new ReadableStream({
          pull: (stream) => stream.error(new Error("cut")),
        }),
        { status },
      );
    }
    if (fault === "wrong-etag" && method === "PUT") {
      for (const name of [...headers.keys()]) {
        if (name.startsWith("x-amz-checksum")) headers.delete(name);
      }
      headers.set("etag", `"${"0".repeat(32)}"`);
    }
    headers.delete("transfer-encoding");
    if (method === "HEAD") return new Response(null, { status, headers });
    headers.delete("content-length");
    const isCut = fault === "cut" && method === "GET" && bytes.length > 0;
    const sent = isCut ? bytes.subarray(0, bytes.length >> 1) : bytes;
    return new Response(status === 204 ? null : sent, { status, headers });
  }

  /** Asks under the name that was signed, which is the proxy's. */
  async #ask(
    request: Request,
    url: URL,
    port: number,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<Response> {
    const headers = new Headers(request.headers);
    const init: RequestInit & { client: Deno.HttpClient } = {
      method: request.method,
      headers,
      client: this.#client,
      ...(body.length > 0 ? { body } : {}),
    };
    const to = `http://127.0.0.1:${port}${url.pathname}${url.search}`;
    return await fetch(to, init);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    this.#client.close();
  }
}
