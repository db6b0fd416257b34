/** Remote control: JSON-RPC 2.0 of Transmission. */

const PATH = "transmission/rpc";
const HEADER = "X-Transmission-Session-Id";
/** How long an answer may take, in milliseconds. */
const LIMIT_MS = 30_000;

let sessionId = "";
let nextId = 1;

/** The daemon refused something. */
export class RpcError extends Error {}

/**
 * Calls a method.
 *
 * Throws `RpcError` when the daemon refuses, another error when there is no
 * connection.
 */
export async function call(method, params = {}) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: nextId++, method, params });
  for (let attempt = 0;; attempt++) {
    const response = await fetch(PATH, {
      method: "POST",
      headers: { "content-type": "application/json", [HEADER]: sessionId },
      body,
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    if (response.status === 409 && attempt === 0) {
      sessionId = response.headers.get(HEADER) ?? "";
      await response.body?.cancel();
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The daemon answered ${response.status}`);
    }
    const { result, error } = await response.json();
    if (error !== undefined) {
      throw new RpcError(error.data?.error_string || error.message);
    }
    return result;
  }
}

/** Fetches torrents in the short form: names once, then values. */
export async function torrents(fields, ids) {
  const answer = await call("torrent_get", {
    fields,
    format: "table",
    ...(ids === undefined ? {} : { ids }),
  });
  const [names = [], ...rows] = answer.torrents;
  return {
    removed: answer.removed ?? [],
    torrents: rows.map((row) =>
      Object.fromEntries(names.map((name, i) => [name, row[i]]))
    ),
  };
}
