/** Asks a TLS server of its own under several names; prints what comes of it. */
import { tcpTransport } from "../../../_shared/byte_conn.ts";
import { HttpFetch } from "../../../_shared/http/http_fetch.ts";
import { SERVER } from "../../support/tls.ts";

const PAYLOAD = new Uint8Array(3_000_000).map((_, at) => at % 251);

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, ...SERVER, onListen() {} },
  () => new Response(PAYLOAD),
);
const { port } = server.addr;
let connections = 0;
const loopback = {
  ...tcpTransport,
  connect() {
    connections++;
    return tcpTransport.connect({ hostname: "127.0.0.1", port });
  },
};
using http = new HttpFetch(loopback, { maxIdle: 1 });
for (
  const host of [
    "web.example",
    "web.example",
    "127.0.0.1",
    "other.example",
    "[::1]",
  ]
) {
  const result = await http.fetch(`https://${host}/`)
    .then((response) => response.bytes())
    .then(
      (bytes) => bytes.every((byte, at) => byte === at % 251) && bytes.length,
      (error) => error.message,
    );
  console.log(JSON.stringify({ type: "result", host, result }));
}
console.log(
  JSON.stringify({ type: "result", host: "all", result: connections }),
);
http.close();
await server.shutdown();
