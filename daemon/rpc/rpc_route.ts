/**
 * Where the RPC is over HTTP. Source: Transmission, docs/rpc-spec.md, 2.2.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { httpHeader } from "../../tracker/http_request.ts";
import type { FrontRoute } from "../http/front.ts";
import type { RpcService } from "./rpc_service.ts";
import { RPC_SEMVER } from "./session_fields.ts";

/** Longest body: a torrent file of 36 MiB in base64. */
const MAX_BODY = 48 * 1024 * 1024;

/**
 * Makes the route.
 *
 * @param service Answers calls.
 * @param sessionId What each request has to repeat, so that no page of others
 * can forge one.
 * @returns The route.
 */
export function rpcRoute(service: RpcService, sessionId: string): FrontRoute {
  return {
    path: "/transmission/rpc",
    methods: ["POST", "GET"],
    async handle(request) {
      const { method, bodyLength, readBody } = request;
      if (httpHeader(request, "x-transmission-session-id") !== sessionId) {
        // The body is read, so that the connection goes on.
        if (bodyLength !== 0) await readBody(MAX_BODY);
        return {
          status: 409,
          headers: [
            ["x-transmission-session-id", sessionId],
            ["x-transmission-rpc-version", RPC_SEMVER],
          ],
          body: "Ask again with the X-Transmission-Session-Id of this answer\n",
        };
      }
      if (method !== "POST") {
        const body = "Only POST\n";
        return { status: 405, headers: [["allow", "POST"]], body };
      }
      const answer = await service.answer(
        decodeTextLossy(await readBody(MAX_BODY)),
      );
      return answer === undefined ? { status: 204 } : {
        status: 200,
        contentType: "application/json; charset=UTF-8",
        body: JSON.stringify(answer),
      };
    },
  };
}
