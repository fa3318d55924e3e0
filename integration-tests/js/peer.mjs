// The official Socket.IO server that the client tests talk to; the twin of ../peers/app.py.
//
//     node peer.mjs PORT SERIALIZER [PING_INTERVAL]
//
// It prints "PORT <n>" once it accepts connections (0 lets the system choose).
import { createServer } from "node:http";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const [port, serializer, pingInterval] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  parser: serializer === "msgpack" ? msgpack : undefined,
  pingInterval: 1000 * Number(pingInterval ?? 25),
  pingTimeout: 5000,
});

const refusals = {
  plain: () => new Error("Connection rejected by server"),
  message: () => new Error("no entry"),
  data: () => Object.assign(new Error("no entry"), { data: { code: 7 } }),
};

for (const name of ["/", "/chat", "/guarded"]) {
  const namespace = io.of(name);
  namespace.use((socket, next) => {
    const { refuse, slow } = socket.handshake.auth;
    if (refuse in refusals) next(refusals[refuse]());
    else if (name === "/guarded") next(new Error("guarded"));
    else if (slow !== name) next();
  });
  namespace.on("connection", (socket) => {
    socket.on("who", (ack) =>
      ack({
        sid: socket.id,
        auth: socket.handshake.auth,
        header: socket.handshake.headers["x-test"] ?? null,
      }),
    );
    socket.on("echo", (...args) => args.pop()(...args));
    socket.on("nothing", (...args) => args.pop()());
    socket.on("bounce", (event, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
      socket.emit(event, ...args);
      ack();
    });
    socket.on("shout", (event, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
      namespace.emit(event, ...args);
      ack();
    });
    socket.on("ask", async (event, ...args) => {
      const ack = args.pop();
      socket.timeout(5000).emit(event, ...args, (error, ...values) => {
        ack([values.length > 1 ? values : (values[0] ?? null)]);
      });
    });
    socket.on("silence", () => {});
    socket.on("kick", () => socket.disconnect());
    socket.on("close", () => socket.conn.close());
  });
}

http.listen(Number(port), "127.0.0.1", () => console.log("PORT", http.address().port));
