/**
 * Files of torrents as answers of an HTTP server.
 *
 * @module
 */
import { fileResponse } from "../client/file_response.ts";
import type { Torrent, TorrentFile } from "../client/mod.ts";
import type { HttpAnswer } from "../tracker/http_answer.ts";
import type { HttpRequest } from "../tracker/http_request.ts";

/** Answers a GET or HEAD of a file. */
export function fileAnswer(
  torrent: Torrent,
  file: TorrentFile,
  { method, headers }: Pick<HttpRequest, "method" | "headers">,
): HttpAnswer {
  // Only these are of use, and each has a valid form or is passed over.
  const asked = new Headers();
  for (const [name, value] of headers) {
    if (/^(range|if-(range|match|none-match))$/.test(name)) {
      asked.set(name, value);
    }
  }
  const request = new Request("http://localhost/", { method, headers: asked });
  const response = fileResponse(torrent, file, request);
  return {
    status: response.status,
    headers: [...response.headers],
    body: response.body ?? "",
  };
}
