/**
 * An HTTP tracker as a handler for a web server of one's own.
 *
 * @module
 */
import { type Clock, systemClock } from "../_shared/clock.ts";
import type { SwarmService } from "../tracker/swarm_service.ts";
import {
  type HttpTrackerAnswerOptions,
  HttpTrackerResponder,
} from "./responder.ts";

/** How often peers that are gone are looked for, in milliseconds. */
const EXPIRY_MS = 1000;

/** Options of {@linkcode createHttpTrackerHandler}. */
export interface HttpTrackerHandlerOptions extends HttpTrackerAnswerOptions {
  /** Swarm service to answer with; the caller closes its store. */
  readonly service: SwarmService;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
}

/**
 * Makes a handler for `Deno.serve` that answers announces and scrapes. Limits
 * on connections and slow clients are up to the web server: where strangers
 * reach it directly, `HttpTrackerServer` defends itself better. Source: BEP 3,
 * BEP 7, BEP 23, BEP 24, BEP 31, BEP 48.
 *
 * @param options See {@linkcode HttpTrackerHandlerOptions}.
 * @returns The handler; it never rejects.
 * @throws {TypeError} If the base path does not begin with a slash.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createHttpTrackerHandler } from "@bip/bip/htracker";
 * import { SwarmService, SwarmTable } from "@bip/bip/tracker";
 *
 * const service = new SwarmService({ store: new SwarmTable() });
 * const handler = createHttpTrackerHandler({ service, basePath: "/tracker" });
 * // Deno.serve(handler), or in the handler of a site:
 * const answer = await handler(
 *   new Request("http://localhost/tracker/announce"),
 *   { remoteAddr: { hostname: "127.0.0.1" } },
 * );
 * assertEquals(
 *   await answer.text(),
 *   "d14:failure reason28:info_hash must have 20 bytes8:retry in5:nevere",
 * );
 * ```
 */
export function createHttpTrackerHandler(
  options: HttpTrackerHandlerOptions,
): (
  request: Request,
  info: { readonly remoteAddr: { readonly hostname: string } },
) => Promise<Response> {
  const { service, clock = systemClock } = options;
  const responder = new HttpTrackerResponder(service, clock, options);
  let expiredAt = clock.now();
  return async (request, info) => {
    const now = clock.now();
    if (now - expiredAt >= EXPIRY_MS) {
      expiredAt = now;
      void service.expire(now);
    }
    const { pathname, search } = new URL(request.url);
    const { status, contentType = "text/plain", body } = await responder
      .respond({
        method: request.method,
        target: pathname + search,
        headers: [...request.headers],
      }, info.remoteAddr.hostname);
    return new Response(body as BodyInit | undefined, {
      status,
      headers: { "content-type": contentType },
    });
  };
}
