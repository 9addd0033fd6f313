//! The supervisor tree: sessions, bridges, tabs, feeds.
