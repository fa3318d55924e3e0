// The official Engine.IO server that client tests talk to; the twin of ../peers/engine_app.py.
//
//     node engine_peer.mjs PORT OPTIONS
//
// OPTIONS is a JSON object: ping_interval, ping_timeout, max_payload, and certfile and keyfile for
// TLS. It prints "PORT <n>" once it accepts connections (0 lets the system choose).
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { attach } from "engine.io";

const options = JSON.parse(process.argv[3]);
const listener = options.certfile
  ? createTlsServer({ cert: readFileSync(options.certfile), key: readFileSync(options.keyfile) })
  : createServer();
const engine = attach(listener, {
  pingInterval: 1000 * (options.ping_interval ?? 25),
  pingTimeout: 1000 * (options.ping_timeout ?? 5),
  maxHttpBufferSize: options.max_payload ?? 1_000_000,
});
const reasons = [];

const commands = {
  bye: (socket) => socket.close(),
  burst: (socket, count) => {
    for (let number = 0; number < Number(count); number++) socket.send(`burst ${number}`);
  },
  later: (socket, seconds) => setTimeout(() => socket.send("here"), 1000 * Number(seconds)),
  reasons: (socket) => socket.send(JSON.stringify(reasons)),
};

engine.on("connection", (socket) => {
  socket.on("message", (data) => {
    const [name, argument] = typeof data === "string" ? data.split(" ") : [];
    if (Object.hasOwn(commands, name)) commands[name](socket, argument);
    else socket.send(data);
  });
  socket.on("close", (reason) => reasons.push(reason));
});

listener.listen(Number(process.argv[2]), "127.0.0.1", () =>
  console.log("PORT", listener.address().port),
);
