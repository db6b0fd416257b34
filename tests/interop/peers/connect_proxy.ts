/**
 * A proxy that knows CONNECT, and wants a user and password.
 *
 * usage: connect_proxy.ts HOST PORT USER:PASSWORD
 */
const [hostname, port, login] = Deno.args as [string, string, string];
const wanted = `Basic ${btoa(decodeURIComponent(login))}`;

async function serve(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) return conn.close();
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const target = /^CONNECT (\S+):(\d+) HTTP\/1\.1\r\n/.exec(head);
  const given = /^proxy-authorization: (.*)$/im.exec(head)?.[1]?.trim();
  let answer = "407 Proxy Authentication Required";
  let other: Deno.Conn | undefined;
  if (given === wanted) {
    answer = "502 Bad Gateway";
    try {
      other = await Deno.connect({
        hostname: target![1]!,
        port: Number(target![2]),
      });
      answer = "200 Connection established";
    } catch {
      // Nobody is there.
    }
  }
  await conn.write(new TextEncoder().encode(`HTTP/1.1 ${answer}\r\n\r\n`));
  if (other === undefined) return conn.close();
  await Promise.allSettled([
    conn.readable.pipeTo(other.writable),
    other.readable.pipeTo(conn.writable),
  ]);
}

for await (const conn of Deno.listen({ hostname, port: Number(port) })) {
  serve(conn).catch(() => {});
}
