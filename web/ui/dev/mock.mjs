// A stand-in host for trying the page: speaks docs/protocol.md over one scripted state, keeps nothing, checks little. Not
// for tests of the host. `npm run build`, `node dev/mock.mjs [port]`, then open the printed address; the token is "hft_mock".

import { createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { Sessions } from "./sessions.mjs";

const port = Number(process.argv[2] ?? 7499);
const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "dist");
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const proofs = new Map();
let wrongTries = 0;
const sessions = new Sessions();

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://mock");
  const json = (status, body, headers = {}) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  if (pathname === "/login" && request.method === "GET") return json(200, { required: true });
  if (pathname === "/login") {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (JSON.parse(body).token !== "hft_mock") {
      wrongTries += 1;
      return wrongTries > 3 ? json(429, { error: "too many tries" }, { "retry-after": "12" }) : json(401, { error: "wrong token" });
    }
    wrongTries = 0;
    const [cookie, proof] = [randomBytes(32).toString("base64url"), randomBytes(32).toString("base64url")];
    proofs.set(cookie, proof);
    return json(200, { proof, role: "operate", expiresInMs: 43_200_000 }, { "set-cookie": `hf=${cookie}; HttpOnly; SameSite=Strict; Path=/` });
  }
  if (pathname === "/logout") {
    proofs.delete(cookieOf(request));
    for (const tab of sessions.tabs) tab.socket.close(4401);
    return json(200, {});
  }
  if (pathname === "/mock/restart") {
    for (const tab of sessions.tabs) tab.socket.terminate();
    return json(200, {});
  }
  try {
    const file = pathname === "/" ? "/index.html" : path.normalize(pathname);
    const body = await readFile(path.join(dist, file));
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});

const sockets = new WebSocketServer({ server, path: "/ws", handleProtocols: () => "holdfast.v1" });

sockets.on("connection", (socket, request) => {
  const proof = proofs.get(cookieOf(request));
  const nonce = randomBytes(24).toString("base64url");
  const write = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
  let tab = null;
  write({ method: "host/challenge", params: { nonce } });
  socket.on("message", (data) => {
    for (const line of data.toString().split("\n")) {
      const message = JSON.parse(line);
      if (!tab) {
        const mac = proof && createHmac("sha256", Buffer.from(proof, "base64url")).update(nonce).digest("base64url");
        if (!mac || message.params?.mac !== mac) return socket.close(4401);
        tab = { socket, write, attached: new Set() };
        sessions.tabs.add(tab);
        write({ method: "host/admitted", params: { role: "operate" } });
      } else sessions.receive(tab, message);
    }
  });
  socket.on("close", () => sessions.tabs.delete(tab));
});

function cookieOf(request) {
  return /hf=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
}

server.listen(port, "127.0.0.1", () => console.log(`mock host on http://127.0.0.1:${server.address().port}`));
