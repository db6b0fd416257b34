/**
 * A tracker that tells of one IPv4 peer; each announce is a line.
 *
 * usage: fixed_tracker.ts HOST PORT PEER_PORT, the peer on the same host
 */
const [hostname, port, peerPort] = Deno.args as [string, string, string];

// deno-lint-ignore no-console -- the result
const say = (type: string) => console.log(JSON.stringify({ type }));

const head = "d8:completei1e10:incompletei1e8:intervali60e5:peers6:";
const answer = Uint8Array.of(
  ...new TextEncoder().encode(head),
  ...hostname.split(".").map(Number),
  Number(peerPort) >> 8,
  Number(peerPort) & 255,
  ...new TextEncoder().encode("e"),
);
const onListen = () => say("listening");
Deno.serve({ hostname, port: Number(port), onListen }, () => {
  say("announce");
  return new Response(answer);
});
