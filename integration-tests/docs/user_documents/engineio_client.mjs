// The official client of Engine.IO: node engineio_client.mjs URL-OF-ENGINEIO_THREADS.PY
import { Socket } from "engine.io-client";

const socket = new Socket(process.argv[2], { path: "/talk/" });
socket.on("open", () => console.log("connection established"));
socket.on("message", (data) => {
  console.log("message received with " + data);
  socket.send(JSON.stringify({ response: "my response" }));
});
socket.on("close", () => console.log("disconnected from server"));
