// The official Socket.IO client, driven by lines of JSON on standard input; the other half of
// JSClient in ../behaviour/clients.py.
//
//   {"id": 1, "client": 0, "do": "call", "event": "echo", "args": [1], "namespace": "/"}
//   -> {"id": 1, "result": [1]}
//   -> {"client": 0, "record": ["event", "/", "news", [1]]}       whenever something happens
//
// Bytes travel as {"$bytes": "<base64>"}. It ends with its input.
import { createInterface } from "node:readline";
import { Manager } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";

const REASONS = {
  "io server disconnect": "server disconnect",
  "io client disconnect": "client disconnect",
};
const clients = new Map();

const toJson = (value) => {
  if (value instanceof ArrayBuffer) value = Buffer.from(value);
  if (ArrayBuffer.isView(value)) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toJson(item)]));
};

const fromJson = (value) => {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(fromJson);
  if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromJson(item)]));
};

const write = (message) => process.stdout.write(JSON.stringify(toJson(message)) + "\n");

class Client {
  constructor(number) {
    this.record = (...record) => write({ client: number, record });
    this.answers = new Map();
    this.sockets = new Map();
  }

  open({ url, transports, namespaces, auth, headers, serializer, reconnection }) {
    this.manager = new Manager(url, {
      transports,
      extraHeaders: headers,
      reconnection,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      autoConnect: false,
      ...(serializer === "msgpack" ? { parser: msgpack } : {}),
    });
    this.isUpgraded = new Promise((resolve) => {
      const watch = () => this.manager.engine.once("upgrade", resolve);
      this.manager.on("open", () => this.manager.engine.transport.name === "websocket" && resolve());
      this.manager.connect();
      watch();
    });
    for (const namespace of namespaces) this.join(namespace, auth);
  }

  join(namespace, auth) {
    const socket = this.manager.socket(namespace, { auth });
    this.sockets.set(namespace, socket);
    socket.on("connect", () => this.record("connect", namespace));
    socket.on("connect_error", (error) => {
      const { message, data } = error;
      this.record("connect_error", namespace, data === undefined ? { message } : { message, data });
    });
    socket.on("disconnect", (reason) =>
      this.record("disconnect", namespace, REASONS[reason] ?? reason),
    );
    socket.onAny((event, ...args) => {
      const acknowledge = typeof args.at(-1) === "function" ? args.pop() : () => {};
      this.record("event", namespace, event, args);
      acknowledge(...(this.answers.get(event) ?? []));
    });
    socket.connect();
  }

  upgraded() {
    return this.isUpgraded.then(() => null);
  }

  emit({ namespace, event, args }) {
    this.sockets.get(namespace).emit(event, ...args);
  }

  call({ namespace, event, args }) {
    return new Promise((resolve) =>
      this.sockets.get(namespace).emit(event, ...args, (...answer) => resolve(answer)),
    );
  }

  answer({ event, args }) {
    this.answers.set(event, args);
  }

  leave({ namespace }) {
    this.sockets.get(namespace).disconnect();
  }

  close() {
    for (const socket of this.sockets.values()) socket.disconnect();
    this.manager._close();
  }

  transport() {
    return this.manager.engine.transport.name;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, client, do: name, ...parameters } = fromJson(JSON.parse(line));
  if (!clients.has(client)) clients.set(client, new Client(client));
  Promise.resolve(clients.get(client)[name](parameters)).then((result) => write({ id, result }));
}
process.exit();
