// The benchmark's Socket.IO application on the official server: `node node_app.js PORT`.
// socket.io is found through NODE_PATH.  With BENCH_REDIS, the URL of a Redis, in the environment it
// is one of a cluster, with the official adapter.
"use strict";

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer();
const io = new Server(httpServer);
const redis = process.env.BENCH_REDIS;

io.on("connection", (socket) => {
  socket.on("echo", async (data, ack) => ack(data));
  socket.on("ping_back", async (data) => socket.emit("pong_back", data));
  socket.on("fan", async (data) => (redis ? io.to("room") : io).emit("news", data));
  socket.on("join", async (ack) => {
    socket.join("room");
    ack();
  });
});

async function main() {
  if (redis) {
    const { createClient } = require("redis");
    const { createAdapter } = require("@socket.io/redis-adapter");
    const publisher = createClient({ url: redis });
    const subscriber = publisher.duplicate();
    await Promise.all([publisher.connect(), subscriber.connect()]);
    io.adapter(createAdapter(publisher, subscriber));
  }
  httpServer.listen(Number(process.argv[2]), "127.0.0.1");
}

main();
