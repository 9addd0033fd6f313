//! JSON-RPC over JSON lines with Codex: messages, codec, pending table, process, and the simulated Codex.
