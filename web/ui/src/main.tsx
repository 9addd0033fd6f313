// Where the page starts. Not for anything else.

import { followSessionLinks, linkedSession } from "./wire/pairing"; // First: it takes what a link carries out of the address.
import { render } from "preact";
import { followHistory, go } from "./app/actions";
import { begin, followPairingLinks } from "./app/connection";
import { followKeys } from "./app/keys";
import { pairing } from "./app/model";
import { followCalls } from "./app/notify";
import { followPush } from "./app/push";
import { followSight } from "./app/sight";
import { App } from "./views/App";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/session.css";
import "./styles/items.css";
import "./styles/dock.css";
import "./styles/overlay.css";
import "./styles/host.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
followHistory();
const linked = linkedSession();
if (linked !== null) go({ at: "session", threadId: linked }, "replace");
followSessionLinks((threadId) => go({ at: "session", threadId }));
followPairingLinks();
followKeys();
followCalls();
followPush();
followSight();
if (pairing.value === null) void begin();
