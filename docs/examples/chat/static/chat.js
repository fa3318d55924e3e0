// The page of the chat example. What people write only ever becomes text nodes, never HTML.

import { io } from "/client/socket.io.esm.min.js";

const PICTURE_LIMIT = 500_000; // bytes, as in server.py
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const KEPT_MESSAGES = 200; // per room; older ones leave the page
const ANSWER_WITHIN = 15_000; // ms
const TYPING_EVERY = 2_000; // ms between two notices of ours
const TYPING_LASTS = 4_000; // ms that a notice of others is shown
const NOTICE_LASTS = 5_000; // ms
const GROUP_WITHIN = 5 * 60_000; // ms between messages that stand under one name

const $ = (id) => document.getElementById(id);
const TICKS = {
  waiting: "M8 3.5v2.5l1.8 1.2M3.5 6a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
  sent: "M4 6.5l3 3 6-7",
  delivered: "M1.5 6.5l3 3 6-7M8 9l.8.8 6.2-7.2",
  failed: "M8 2v5M8 10v.2",
};
const TICK_NAMES = { waiting: "Waiting", sent: "Sent", delivered: "Delivered", failed: "Not sent" };

// ---- state -------------------------------------------------------------------------------

// name -> {name, joined, members, unread, log: [elements], seen: Set of message ids, outbox: messages that
// wait for the connection, sent: Map of message id to its tick, typing: Map of name to its timer}
const rooms = new Map();
let current = null; // the room that is shown
let openRooms = {};
let me = null; // the name that the server gave us
let lastTyping = 0;
let noticeTimer;

// ---- little helpers ----------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function hue(name) {
  let sum = 7;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 360;
  return sum;
}

function avatar(name) {
  const node = element("span", { className: "avatar", ariaHidden: "true" }, [...name][0]);
  node.style.setProperty("--hue", hue(name));
  return node;
}

function tick() {
  const node = element("span", { className: "tick", role: "img" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 12");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  node.append(svg);
  return node;
}

function setTick(node, state, title = TICK_NAMES[state]) {
  node.dataset.state = state;
  node.title = title;
  node.ariaLabel = title;
  node.querySelector("path").setAttribute("d", TICKS[state]);
}

const clock = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });

// ---- the connection ----------------------------------------------------------------------

const wanted = new URLSearchParams(location.search).get("transports");
const socket = io({ autoConnect: false, ...(wanted && { transports: wanted.split(",") }) });

async function ask(event, data) {
  const answer = await socket.timeout(ANSWER_WITHIN).emitWithAck(event, data);
  if (!answer.ok) throw new Error(answer.error);
  return answer;
}

function showTransport(state) {
  $("connection").dataset.state = state;
  $("transport").textContent = state;
}

function notify(text, { good = false, lasting = false } = {}) {
  clearTimeout(noticeTimer);
  $("notice").hidden = !text;
  $("notice").textContent = text;
  $("notice").classList.toggle("good", good);
  if (!lasting) noticeTimer = setTimeout(notify, NOTICE_LASTS, "");
}

socket.on("connect", () => {
  const engine = socket.io.engine;
  showTransport(engine.transport.name);
  engine.on("upgrade", (transport) => showTransport(transport.name));
  const again = rooms.size > 0;
  if (again) notify("Connected again.", { good: true });
  for (const name of again ? rooms.keys() : remembered().rooms) join(name);
  if (document.hidden) socket.emit("away", true);
});

socket.on("welcome", ({ name }) => {
  me = name;
  $("welcome").hidden = true;
  $("chat").hidden = false;
});

socket.on("disconnect", () => {
  showTransport("offline");
  for (const room of rooms.values()) room.joined = false;
  notify("The connection is lost. Trying again; what you write waits until then.", { lasting: true });
});

socket.on("connect_error", (error) => {
  if (socket.active) {
    if (!me) $("enter-error").textContent = "The server does not answer. Trying again.";
    return;
  }
  sessionStorage.removeItem("chat"); // refused: the message says why
  $("chat").hidden = true;
  $("welcome").hidden = false;
  $("enter-error").textContent = `Refused: ${error.message}.`;
});

socket.on("rooms", (counts) => {
  openRooms = counts;
  renderRooms();
});

socket.on("members", ({ room, members }) => {
  const entry = rooms.get(room);
  if (!entry) return;
  if (entry.members) {
    const names = (list) => list.map(({ name }) => name);
    const [before, after] = [names(entry.members), names(members)];
    for (const name of after) if (!before.includes(name)) addEvent(entry, `${name} joined`);
    for (const name of before) if (!after.includes(name)) addEvent(entry, `${name} left`);
  }
  entry.members = members;
  if (entry === current) renderMembers();
});

socket.on("message", (message, received) => {
  const entry = rooms.get(message.room);
  if (!entry) return;
  stopTyping(entry, message.name);
  addMessage(entry, message);
  if (entry !== current || document.hidden) {
    entry.unread += 1;
    renderRooms();
  }
  received?.();
});

socket.on("received", ({ room, id }) => {
  const node = rooms.get(room)?.sent.get(id);
  if (!node) return;
  node.receivers = (node.receivers ?? 0) + 1;
  setTick(node, "delivered", node.others > 1 ? `Delivered to ${node.receivers} of ${node.others}` : "Delivered");
});

socket.on("typing", ({ room, name }) => {
  const entry = rooms.get(room);
  if (!entry) return;
  clearTimeout(entry.typing.get(name));
  entry.typing.set(name, setTimeout(() => stopTyping(entry, name), TYPING_LASTS));
  if (entry === current) renderTyping();
});

function stopTyping(entry, name) {
  clearTimeout(entry.typing.get(name));
  if (entry.typing.delete(name) && entry === current) renderTyping();
}

// ---- rooms -------------------------------------------------------------------------------

function remembered() {
  return JSON.parse(sessionStorage.getItem("chat") ?? "null");
}

function remember() {
  const { name } = socket.auth;
  sessionStorage.setItem("chat", JSON.stringify({ name, rooms: [...rooms.keys()], current: current?.name }));
}

async function join(name) {
  let entry = rooms.get(name);
  if (!entry) {
    entry = { name, log: [], seen: new Set(), sent: new Map(), outbox: [], typing: new Map(), unread: 0, joined: false };
    rooms.set(name, entry);
  }
  entry.members = null; // the server tells them anew, even before its answer
  try {
    const { history } = await ask("join", { room: name });
    for (const message of history) if (!entry.seen.has(message.id)) addMessage(entry, message);
  } catch (error) {
    if (!socket.connected) return; // joined again with the next connection
    rooms.delete(name);
    renderRooms();
    notify(`You cannot join ${name}: ${error.message}.`);
    return;
  }
  entry.joined = true;
  if (!current || name === remembered().current) show(entry);
  renderRooms();
  for (const waiting of entry.outbox.splice(0)) deliver(entry, waiting);
}

function show(entry) {
  current = entry;
  entry.unread = 0;
  $("room-title").textContent = entry.name;
  document.title = `${entry.name} · Small Talk`;
  $("log").replaceChildren(...entry.log);
  scrollDown();
  renderMembers();
  renderTyping();
  renderRooms();
  closePanel();
  remember();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

async function leave(entry) {
  try {
    await ask("leave", { room: entry.name });
  } catch {
    return; // the connection went away with the answer; the notice says so
  }
  rooms.delete(entry.name);
  for (const item of entry.log) forget(item);
  const next = rooms.values().next().value;
  if (next) return show(next);
  current = null;
  sessionStorage.removeItem("chat");
  socket.disconnect();
  location.reload();
}

function renderRooms() {
  const item = (name, extra, onclick, properties = {}) =>
    element("li", {}, element("button", { type: "button", onclick, ...properties }, element("span", { className: "name" }, name), ...extra));
  $("rooms").replaceChildren(
    ...[...rooms.values()].map((entry) => {
      const badge = element("span", { className: "badge", ariaLabel: `${entry.unread} unread` }, String(Math.min(entry.unread, 99)));
      return item(entry.name, entry.unread ? [badge] : [], () => show(entry), entry === current ? { ariaCurrent: "true" } : {});
    }),
  );
  const others = Object.entries(openRooms).filter(([name]) => !rooms.has(name)).slice(0, 20);
  $("others").hidden = others.length === 0;
  $("open-rooms").replaceChildren(
    ...others.map(([name, count]) =>
      item(name, [element("span", { className: "count", ariaLabel: `${count} people` }, String(count))], () => enterRoom(name)),
    ),
  );
  $("unread-elsewhere").hidden = ![...rooms.values()].some((entry) => entry !== current && entry.unread);
}

function enterRoom(name) {
  if (rooms.has(name)) return show(rooms.get(name));
  sessionStorage.setItem("chat", JSON.stringify({ ...remembered(), current: name }));
  join(name);
}

function renderMembers() {
  const members = [...(current?.members ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  $("room-count").textContent = members.length === 1 ? "Only you are here" : `${members.length} people`;
  $("members").replaceChildren(
    ...members.map(({ id, name, away }) =>
      element(
        "li",
        { className: away ? "away" : "" },
        avatar(name),
        element("span", { className: "name" }, name),
        element("small", {}, id === socket.id ? "you" : away ? "away" : ""),
      ),
    ),
  );
}

function renderTyping() {
  const names = [...(current?.typing.keys() ?? [])];
  const list = new Intl.ListFormat("en").format(names.slice(0, 3));
  $("typing").textContent = names.length > 3 ? "Several people are typing…" : names.length ? `${list} ${names.length > 1 ? "are" : "is"} typing…` : "";
}

// ---- messages ----------------------------------------------------------------------------

function atBottom() {
  const log = $("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function scrollDown() {
  $("log").scrollTop = $("log").scrollHeight;
}

function forget(item) {
  for (const image of item.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  item.remove();
}

function append(entry, item) {
  const follow = atBottom();
  entry.log.push(item);
  if (entry === current) $("log").append(item);
  while (entry.log.length > KEPT_MESSAGES) forget(entry.log.shift());
  if (entry === current && (follow || item.classList.contains("own"))) scrollDown();
}

function addEvent(entry, text) {
  append(entry, element("div", { className: "event" }, text));
}

function addMessage(entry, { id, name, at, text, picture }, ticks = null) {
  const own = ticks !== null || name === me;
  const time = new Date(at);
  const meta = element("span", { className: "meta" }, element("time", { dateTime: time.toISOString() }, clock.format(time)), ticks ?? "");
  const bubble = element("div", { className: "bubble" });
  if (picture) {
    bubble.classList.add("photo");
    bubble.append(photo(picture, name), meta);
  } else {
    bubble.append(text, meta);
  }
  const item = element("div", { className: own ? "message own" : "message" });
  const before = entry.log.at(-1);
  if (before?.dataset.name === name && at - before.dataset.at < GROUP_WITHIN) item.classList.add("follows");
  item.dataset.name = name;
  item.dataset.at = at;
  if (own) {
    item.append(element("span", { className: "hidden" }, "You: "), bubble);
  } else {
    const author = element("span", { className: "author" }, name);
    author.style.setProperty("--hue", hue(name));
    item.append(avatar(name), author, bubble);
  }
  if (id) entry.seen.add(id);
  append(entry, item);
  return item;
}

function photo(bytes, name) {
  const image = element("img", { src: URL.createObjectURL(new Blob([bytes])), alt: `Picture from ${name}` });
  const follow = atBottom();
  image.onload = () => follow && scrollDown();
  const open = () => {
    $("viewer-image").src = image.src;
    $("viewer-image").alt = image.alt;
    $("viewer").showModal();
  };
  return element("button", { type: "button", onclick: open, title: "Show it larger" }, image);
}

function send(content) {
  const entry = current;
  const ticks = tick();
  setTick(ticks, "waiting");
  const item = addMessage(entry, { name: me, at: Date.now(), ...content }, ticks);
  const waiting = { content, ticks, item };
  if (entry.joined) deliver(entry, waiting);
  else entry.outbox.push(waiting);
}

async function deliver(entry, waiting) {
  const { content, ticks, item } = waiting;
  try {
    const { id, others } = await ask("message", { room: entry.name, ...content });
    entry.seen.add(id);
    entry.sent.set(id, ticks);
    if (entry.sent.size > KEPT_MESSAGES) entry.sent.delete(entry.sent.keys().next().value);
    ticks.others = others;
    setTick(ticks, "sent");
  } catch (error) {
    setTick(ticks, "failed", `Not sent: ${error.message}`);
    const retry = element("button", { type: "button", className: "retry" }, "Not sent. Try again");
    retry.onclick = () => {
      retry.remove();
      setTick(ticks, "waiting");
      if (entry.joined) deliver(entry, waiting);
      else entry.outbox.push(waiting);
    };
    item.append(retry);
  }
}

// A picture that is too large is drawn again, smaller, until it fits.
async function fit(file) {
  if (!PICTURE_TYPES.includes(file.type)) throw new Error("Only PNG, JPEG, GIF and WebP pictures can be sent.");
  if (file.size <= PICTURE_LIMIT) return file.arrayBuffer();
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new Error("This picture cannot be read.");
  for (let edge = 1600; edge >= 200; edge /= 1.5) {
    const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height));
    const canvas = element("canvas", { width: Math.round(bitmap.width * scale) || 1, height: Math.round(bitmap.height * scale) || 1 });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const smaller = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (smaller && smaller.size <= PICTURE_LIMIT) return smaller.arrayBuffer();
  }
  throw new Error("This picture cannot be made small enough.");
}

async function sendPicture(file) {
  if (!file || !current) return;
  try {
    send({ picture: await fit(file) });
  } catch (error) {
    notify(error.message);
  }
}

// ---- the page ----------------------------------------------------------------------------

function closePanel() {
  if (!$("chat").classList.contains("panel-is-open")) return;
  $("chat").classList.remove("panel-is-open");
  $("panel-open").ariaExpanded = "false";
  $("panel-open").focus();
}

function enter(name, room) {
  sessionStorage.setItem("chat", JSON.stringify({ rooms: [room], current: room, ...remembered(), name }));
  socket.auth = { name };
  socket.connect();
}

$("enter").onsubmit = (event) => {
  event.preventDefault();
  $("enter-error").textContent = "";
  localStorage.setItem("name", $("enter-name").value);
  enter($("enter-name").value, $("enter-room").value.trim());
};

$("join").onsubmit = (event) => {
  event.preventDefault();
  enterRoom($("join-room").value.trim());
  $("join-room").value = "";
};

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !current) return;
  $("text").value = "";
  lastTyping = 0;
  send({ text });
};

$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
};

$("text").oninput = () => {
  const now = Date.now();
  if (!current?.joined || !$("text").value || now - lastTyping < TYPING_EVERY) return;
  lastTyping = now;
  socket.emit("typing", { room: current.name });
};

$("text").onpaste = (event) => {
  const [file] = event.clipboardData.files;
  if (!file) return;
  event.preventDefault();
  sendPicture(file);
};

$("picture").onchange = () => {
  sendPicture($("picture").files[0]);
  $("picture").value = "";
};

const talk = document.querySelector(".talk");
talk.ondragover = (event) => {
  event.preventDefault();
  talk.classList.add("dropping");
};
talk.ondragleave = () => talk.classList.remove("dropping");
talk.ondrop = (event) => {
  event.preventDefault();
  talk.classList.remove("dropping");
  sendPicture(event.dataTransfer.files[0]);
};

$("leave").onclick = () => current && leave(current);
$("panel-open").onclick = () => {
  $("chat").classList.add("panel-is-open");
  $("panel-open").ariaExpanded = "true";
  $("panel-close").focus();
};
$("panel-close").onclick = closePanel;
$("scrim").onclick = closePanel;

document.onkeydown = (event) => {
  if (event.key === "Escape") closePanel();
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key) || !current) return;
  event.preventDefault();
  const all = [...rooms.values()];
  const step = event.key === "ArrowDown" ? 1 : all.length - 1;
  show(all[(all.indexOf(current) + step) % all.length]);
};

document.onvisibilitychange = () => {
  if (!socket.connected) return;
  socket.emit("away", document.hidden);
  if (!document.hidden && current?.unread) show(current);
};

$("enter-name").value = localStorage.getItem("name") ?? "";
const before = remembered();
if (before) enter(before.name, before.current);
