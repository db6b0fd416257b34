import { main } from "../../cli/main.ts";
import { recorder } from "./output.ts";

type Params = Readonly<Record<string, unknown>>;

/** A daemon that keeps what it is asked. */
export class FakeDaemon implements AsyncDisposable {
  readonly calls: Record<string, unknown>[] = [];
  readonly headers: Headers[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: (method: string, params: Params) => unknown) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        if (request.headers.get("x-transmission-session-id") !== "sid") {
          await request.body?.cancel();
          return new Response("", {
            status: 409,
            headers: {
              "x-transmission-session-id": "sid",
              "x-transmission-rpc-version": "6.0.1",
            },
          });
        }
        const { id, method, params } = await request.json();
        if (method !== "session_stats" || this.calls.length > 0) {
          this.calls.push({ method, ...params });
          this.headers.push(request.headers);
        }
        const result = answer(method, params ?? {});
        return Response.json(
          result instanceof Error
            ? {
              jsonrpc: "2.0",
              error: { code: 5, message: result.message },
              id,
            }
            : { jsonrpc: "2.0", result, id },
        );
      },
    );
  }

  /** Where it listens. */
  get url(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  /** Runs the command with its address. */
  async run(...words: string[]): Promise<{ code: number; text: string }> {
    return await runBip(...words, "--url", this.url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Runs the command here, away from any terminal. */
export async function runBip(
  ...words: string[]
): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const code = await main(words, recorder(lines, lines));
  return { code, text: lines.join("\n") };
}
