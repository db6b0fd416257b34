// Sends every datagram back, one at a time: what the runtime can do at most
// when a program is written as the manual shows. Usage: udp_echo.ts PORT
const socket = Deno.listenDatagram({
  transport: "udp",
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
});
const buffer = new Uint8Array(65536);
console.log("listening");
while (true) {
  const [data, from] = await socket.receive(buffer);
  await socket.send(data, from);
}
