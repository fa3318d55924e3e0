// The benchmark's Socket.IO application on the official server: `node node_app.js PORT`.
// socket.io is found through NODE_PATH.
"use strict";

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer();
const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("echo", async (data, ack) => ack(data));
  socket.on("ping_back", async (data) => socket.emit("pong_back", data));
  socket.on("fan", async (data) => io.emit("news", data));
});

httpServer.listen(Number(process.argv[2]), "127.0.0.1");
