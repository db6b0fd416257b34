// Answers every HTTP request with as many bytes as a tracker: the bare cost of
// `Deno.serve`. `deno run --allow-net http_hello.ts PORT`
const BODY = new Uint8Array(350);
const HEADERS = { "content-type": "text/plain" };
Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  onListen: () => {},
}, () => new Response(BODY, { headers: HEADERS }));
