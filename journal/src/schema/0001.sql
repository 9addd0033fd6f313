-- Format 1. A feed is the numbered events of one session; its integer stands for the thread everywhere else.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE feeds (
    id        INTEGER PRIMARY KEY,
    thread    TEXT NOT NULL UNIQUE,
    compacted INTEGER NOT NULL  -- seq of the newest event that is compacted away; the head too while no row is left
) STRICT;

-- One row a piece of a batch. The key is feed << 40 | seq of the last event, so one session's rows lie together in
-- order, the row that holds a seq is one seek away, and a session's head is the last key of its range.
CREATE TABLE events (
    key   INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,  -- events in the row
    at    INTEGER NOT NULL,  -- ms since the epoch
    start INTEGER NOT NULL,  -- bytes of the feed before this row: sizes without reading what lies between
    size  INTEGER NOT NULL,  -- bytes of the lines
    lines BLOB NOT NULL      -- packed (LZ4 block) when shorter than size
) STRICT;

CREATE TABLE sessions (
    feed            INTEGER PRIMARY KEY,
    cwd             TEXT NOT NULL,
    title           TEXT,
    preview         TEXT NOT NULL,
    model           TEXT,
    source          TEXT,
    sandbox         TEXT,
    approval_policy TEXT,
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    turn            TEXT,
    turn_first      INTEGER,
    turn_started    INTEGER,
    phase           TEXT NOT NULL,
    phase_reason    TEXT,
    archived        INTEGER NOT NULL,
    resumable       INTEGER NOT NULL,
    extra           TEXT NOT NULL
) STRICT;

CREATE TABLE items (
    row   INTEGER PRIMARY KEY,
    feed  INTEGER NOT NULL,
    turn  TEXT NOT NULL,
    id    TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    done  INTEGER,
    kind  TEXT NOT NULL,
    state TEXT NOT NULL,
    at    INTEGER NOT NULL,  -- ms since the epoch of the latest write
    size  INTEGER NOT NULL,  -- bytes of the JSON
    json  BLOB NOT NULL,     -- packed (LZ4 block) when shorter than size
    text  TEXT NOT NULL,
    UNIQUE (feed, turn, id)
) STRICT;

CREATE INDEX items_by_seq ON items (feed, seq);
CREATE INDEX items_by_age ON items (at) WHERE state <> 'open';

-- The words of items.text; it holds no text of its own.
CREATE VIRTUAL TABLE search USING fts5 (
    text,
    content = 'items',
    content_rowid = 'row',
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE prompts (
    row       INTEGER PRIMARY KEY,
    feed      INTEGER NOT NULL,
    id        TEXT NOT NULL,
    state     TEXT NOT NULL,
    "when"    TEXT NOT NULL,
    input     TEXT NOT NULL,
    shown     TEXT NOT NULL,
    overrides TEXT,
    turn      TEXT,
    position  INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    UNIQUE (feed, id)
) STRICT;

CREATE INDEX prompts_open ON prompts (feed, position) WHERE state IN ('queued', 'sending', 'running');
CREATE INDEX prompts_by_age ON prompts (at) WHERE state NOT IN ('queued', 'sending', 'running');

CREATE TABLE decisions (
    row      INTEGER PRIMARY KEY,
    feed     INTEGER NOT NULL,
    request  TEXT NOT NULL,
    method   TEXT NOT NULL,
    decision TEXT NOT NULL,
    "by"     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    turn     TEXT,
    item     TEXT,
    extra    TEXT NOT NULL
) STRICT;

CREATE INDEX decisions_by_feed ON decisions (feed, row);

CREATE TABLE processes (
    pid        INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    thread     TEXT NOT NULL,
    program    TEXT NOT NULL,
    PRIMARY KEY (pid, start_time)
) STRICT, WITHOUT ROWID;
