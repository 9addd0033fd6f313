// Where the page starts. Not for anything else.

import "./wire/pairing"; // First: it takes the code out of the address.
import { render } from "preact";
import { followHistory } from "./app/actions";
import { begin, followPairingLinks } from "./app/connection";
import { followKeys } from "./app/keys";
import { pairing } from "./app/model";
import { followCalls } from "./app/notify";
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
followPairingLinks();
followKeys();
followCalls();
if (pairing.value === null) void begin();
