// libutp through utp-native: an echo server, or a client that sends bytes and
// wants them back. NODE_PATH names the folder with utp-native.
//   node libutp_peer.cjs echo
//   node libutp_peer.cjs send PORT BYTES
// Prints one JSON object a line.
const utp = require("utp-native");

const say = (fields) => console.log(JSON.stringify(fields));
const [mode, port, bytes] = process.argv.slice(2);

if (mode === "echo") {
  const server = utp.createServer((socket) => {
    let received = 0;
    socket.on("data", (data) => {
      received += data.length;
      socket.write(data);
    });
    socket.on("end", () => {
      say({ type: "ended", received });
      socket.end();
    });
    socket.on("error", (error) => say({ type: "error", code: error.code }));
    socket.on("close", () => say({ type: "closed" }));
  });
  server.listen(0, "127.0.0.1", () => {
    say({ type: "listening", port: server.address().port });
  });
} else {
  const data = Buffer.alloc(Number(bytes));
  for (let i = 0; i < data.length; i++) data[i] = i ^ (i >> 8) ^ (i >> 15);
  const socket = utp.connect(Number(port), "127.0.0.1");
  let received = 0;
  socket.on("connect", () => say({ type: "connected" }));
  socket.on("data", (part) => {
    if (!part.equals(data.subarray(received, received + part.length))) {
      say({ type: "corrupt", received });
    }
    received += part.length;
    if (received === data.length) {
      say({ type: "complete", received });
      socket.end();
    }
  });
  socket.on("end", () => say({ type: "ended", received }));
  socket.on("error", (error) => say({ type: "error", code: error.code }));
  socket.on("close", () => say({ type: "closed" }));
  socket.write(data);
}
